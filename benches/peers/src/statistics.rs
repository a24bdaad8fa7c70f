//! Medians and quartiles.

/// The middle of a list of figures, and the middles of its halves.
#[derive(Clone, Copy)]
pub struct Quartiles {
    pub low: f64,
    pub median: f64,
    pub high: f64,
}

impl Quartiles {
    /// Those of the figures that are numbers.
    pub fn of(figures: impl IntoIterator<Item = f64>) -> Quartiles {
        let mut figures: Vec<f64> = figures.into_iter().filter(|figure| figure.is_finite()).collect();
        figures.sort_by(f64::total_cmp);
        let at = |share: f64| match figures.len().checked_sub(1) {
            None => f64::NAN,
            Some(last) => {
                let place = share * last as f64;
                let below = figures[place.floor() as usize];
                below + (figures[place.ceil() as usize] - below) * place.fract()
            }
        };
        Quartiles { low: at(0.25), median: at(0.5), high: at(0.75) }
    }
}
