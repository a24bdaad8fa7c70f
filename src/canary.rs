//! The switch of the bugs that a simulation can put into the server, to see that it finds them.

/// Whether a simulation has switched this [`Canary`](crate::sim::Canary) on.
#[cfg(feature = "sim")]
macro_rules! canary {
    ($name:ident) => {
        $crate::sim::sings($crate::sim::Canary::$name)
    };
}

/// Without the feature `sim` none can be: nothing is compiled for them.
#[cfg(not(feature = "sim"))]
macro_rules! canary {
    ($name:ident) => {
        false
    };
}
