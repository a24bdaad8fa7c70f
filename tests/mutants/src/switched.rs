//! A file in which all its mistakes are made at once, each behind a switch.
//!
//! A function with mistakes chooses, by the number that the process was given, between its own body and one
//! body for each mistake. So no mistake is within another, and each is letter by letter what cargo-mutants
//! would have written.

use std::collections::HashSet;
use std::ops::Range;

use crate::Result;
use crate::functions::{Function, functions};
use crate::listed::Mutant;

/// The module `mutant`, which is added to the library.
pub const MODULE: &str = r#"//! Which mistake this process makes.

use std::sync::OnceLock;

pub(crate) fn number() -> usize {
    static NUMBER: OnceLock<usize> = OnceLock::new();
    *NUMBER.get_or_init(|| std::env::var("SYSCONN_MUTANT").ok().and_then(|text| text.parse().ok()).unwrap_or(0))
}
"#;

/// A file with its mistakes.
#[derive(Debug)]
pub struct Switched {
    pub text: String,
    /// The lines of each mistake, from 1, to find it in the compiler's errors.
    pub lines: Vec<(Range<usize>, usize)>,
    /// The numbers of the mistakes that can't be switched, and need builds of their own.
    pub apart: Vec<usize>,
}

/// Makes all mistakes in a file. A `const fn` becomes an ordinary one, since nothing can be chosen in it,
/// unless its name is among those that a constant needs.
pub fn switch(source: &str, mutants: &[&Mutant], constants: &HashSet<String>) -> Result<Switched> {
    let mut switched = Switched { text: String::new(), lines: Vec::new(), apart: Vec::new() };
    let mut copied = 0;
    let mut reached = HashSet::new();
    for function in functions(source)? {
        let within: Vec<_> = mutants.iter().copied().filter(|mutant| is_within(mutant, &function)).collect();
        let is_constant = function.constness.is_some() && constants.contains(&function.name);
        if within.is_empty() || function.is_opaque || is_constant {
            continue;
        }
        if let Some(word) = function.constness {
            switched.copy(&source[copied..word.start]);
            copied = word.end;
        }
        switched.copy(&source[copied..function.body.start]);
        switched.add_choice(source, &function.body, &within);
        copied = function.body.end;
        reached.extend(within.iter().map(|mutant| mutant.number));
    }
    switched.copy(&source[copied..]);
    switched.apart = mutants.iter().map(|mutant| mutant.number).filter(|it| !reached.contains(it)).collect();
    Ok(switched)
}

fn is_within(mutant: &Mutant, function: &Function) -> bool {
    function.body.start <= mutant.span.start && mutant.span.end <= function.body.end
}

impl Switched {
    /// Copies the code that is not switched, without forced inlining, since many nested bodies take hours to
    /// compile.
    fn copy(&mut self, part: &str) {
        self.text += &part.replace("#[inline(always)]", "#[inline]");
    }

    fn add_choice(&mut self, source: &str, body: &Range<usize>, mutants: &[&Mutant]) {
        let mut line = self.text.matches('\n').count() + 1;
        let mut add = |part: String| {
            let first = line;
            line += part.matches('\n').count();
            self.text += &part;
            first..line
        };
        add(" match crate::mutant::number() {\n".into());
        for mutant in mutants {
            let arm = format!("{} => {{\n{}\n}}\n", mutant.number, mutant.made_in(source, body.clone()));
            self.lines.push((add(arm), mutant.number));
        }
        add(format!("_ => {{{}}}\n}}", &source[body.clone()]));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A mistake in the text: the first place where `from` is becomes `to`.
    fn mutant(number: usize, source: &str, from: &str, to: &str) -> Mutant {
        let start = source.find(from).expect("it is there");
        let span = start..start + from.len();
        let (name, file) = (String::new(), String::new());
        Mutant { number, name, file, version: 0, span, replacement: to.into() }
    }

    #[test]
    fn a_function_chooses_between_its_bodies() {
        let source = "const fn f(a: u8) -> bool {\n    a < 1\n}\nfn g() {}\n";
        let mutants = [mutant(1, source, "<", "=="), mutant(2, source, "a < 1", "true")];
        let switched = switch(source, &mutants.each_ref(), &HashSet::new()).expect("it is Rust");
        let words: Vec<&str> = switched.text.split_whitespace().collect();
        let expected = "fn f(a: u8) -> bool { match crate::mutant::number() { 1 => { a == 1 } 2 => { true } \
            _ => { a < 1 } }} fn g() {}";
        assert_eq!(words.join(" "), expected);
        for (lines, number) in &switched.lines {
            let arm = switched.text.lines().nth(lines.start - 1).expect("it has so many lines");
            assert_eq!(arm, format!("{number} => {{"));
        }
        assert!(switched.apart.is_empty());
    }

    #[test]
    fn what_no_switch_can_reach_stays_as_it_is() {
        let source = "const A: u8 = 1 - 1;\nconst fn f() -> u8 { 2 + 2 }\n\
            impl T { fn g() -> impl Iterator<Item = u8> { once(3 * 3) } }\n";
        let mutants = [("-", "+"), ("+", "-"), ("*", "+")];
        let mutants: Vec<_> = (1..).zip(mutants).map(|(n, (from, to))| mutant(n, source, from, to)).collect();
        let mutants: Vec<_> = mutants.iter().collect();
        let switched = switch(source, &mutants, &HashSet::from(["f".into()])).expect("it is Rust");
        assert_eq!((switched.text.as_str(), switched.apart), (source, vec![1, 2, 3]));
    }
}
