//! Finds the functions of a file and their bodies, and whether a body can be switched.

use std::ops::Range;

use syn::visit::{self, Visit};

use crate::Result;

/// A function that is not within another one.
#[derive(Debug)]
pub struct Function {
    /// `Type::name`, or the name alone.
    pub name: String,
    /// The bytes between its braces.
    pub body: Range<usize>,
    /// The bytes of the word `const` before it.
    pub constness: Option<Range<usize>>,
    /// It returns `impl Trait`, which is one type, so it cannot choose between bodies.
    pub is_opaque: bool,
}

/// The functions of a file, in their order.
pub fn functions(source: &str) -> Result<Vec<Function>> {
    let mut finder = Finder { owner: None, found: Vec::new() };
    finder.visit_file(&syn::parse_file(source)?);
    Ok(finder.found)
}

struct Finder {
    owner: Option<String>,
    found: Vec<Function>,
}

impl Finder {
    fn add(&mut self, signature: &syn::Signature, block: &syn::Block) {
        let name = match &self.owner {
            Some(owner) => format!("{owner}::{}", signature.ident),
            None => signature.ident.to_string(),
        };
        let braces = block.brace_token.span;
        let mut opaque = Opaque(false);
        opaque.visit_return_type(&signature.output);
        self.found.push(Function {
            name,
            body: braces.open().byte_range().end..braces.close().byte_range().start,
            constness: signature.constness.as_ref().map(|word| word.span.byte_range()),
            is_opaque: opaque.0,
        });
    }
}

impl Visit<'_> for Finder {
    fn visit_item_fn(&mut self, function: &syn::ItemFn) {
        self.add(&function.sig, &function.block);
    }

    fn visit_impl_item_fn(&mut self, function: &syn::ImplItemFn) {
        self.add(&function.sig, &function.block);
    }

    fn visit_trait_item_fn(&mut self, function: &syn::TraitItemFn) {
        if let Some(block) = &function.default {
            self.add(&function.sig, block);
        }
    }

    fn visit_item_impl(&mut self, item: &syn::ItemImpl) {
        if let syn::Type::Path(path) = &*item.self_ty {
            self.owner = path.path.segments.last().map(|segment| segment.ident.to_string());
        }
        visit::visit_item_impl(self, item);
        self.owner = None;
    }
}

/// Looks for `impl Trait` in a type.
struct Opaque(bool);

impl Visit<'_> for Opaque {
    fn visit_type_impl_trait(&mut self, _: &syn::TypeImplTrait) {
        self.0 = true;
    }
}
