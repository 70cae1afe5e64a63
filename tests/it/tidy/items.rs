//! What a walk over the items of a file finds: modules, imports, missing documentation, code that only tests see.

use std::ops::RangeInclusive;

use syn::{
    Attribute, ImplItemFn, ItemEnum, ItemFn, ItemMod, ItemStruct, ItemTrait, ItemType, ItemUnion, ItemUse, Macro, Meta,
    TraitItemFn, UseTree, Visibility,
    spanned::Spanned as _,
    visit::{self, Visit},
};

/// What the items of a file tell.
#[derive(Debug, Default)]
pub(super) struct Items {
    /// The modules within this file, outer ones first.
    pub inline_modules: Vec<InlineModule>,
    /// The lines of modules within this file that only tests see.
    pub test_lines: Vec<RangeInclusive<usize>>,
    /// The modules in files of their own that only tests see.
    pub test_files: Vec<String>,
    /// What is imported.
    pub imports: Vec<Import>,
    /// Public items without documentation: line and name.
    pub undocumented: Vec<(usize, String)>,
    /// The functions outside of types, in order.
    pub functions: Vec<String>,
    /// Conditions on `test` that do not stand on a module.
    pub conditional: Vec<usize>,
}

/// A module that is written inside its file.
#[derive(Debug)]
pub(super) struct InlineModule {
    /// Its name.
    pub name: String,
    /// From its first to its last line.
    pub lines: RangeInclusive<usize>,
}

/// One name that an import brings.
#[derive(Debug)]
pub(super) struct Import {
    /// The name inside the file.
    pub name: String,
    /// What it stands for.
    pub path: Vec<String>,
    /// Where it is imported.
    pub line: usize,
    /// The lines of the module that it belongs to.
    pub scope: RangeInclusive<usize>,
}

impl Items {
    /// Walks over a file.
    pub(super) fn of(file: &syn::File) -> Self {
        let mut walk = Walk { found: Self::default(), scopes: Vec::new(), in_test: false };
        walk.visit_file(file);
        walk.found
    }
}

struct Walk {
    found: Items,
    scopes: Vec<RangeInclusive<usize>>,
    in_test: bool,
}

impl Walk {
    fn documented(&mut self, visibility: &Visibility, attributes: &[Attribute], name: &syn::Ident) {
        let public = matches!(visibility, Visibility::Public(_));
        if public && !self.in_test && !attributes.iter().any(|it| it.path().is_ident("doc")) {
            self.found.undocumented.push((name.span().start().line, name.to_string()));
        }
    }

    fn import(&mut self, tree: &UseTree, path: Vec<String>) {
        match tree {
            UseTree::Path(inner) => self.import(&inner.tree, joined(path, &inner.ident)),
            UseTree::Name(inner) if inner.ident == "self" => {
                let name = path.last().cloned().unwrap_or_default();
                self.bring(name, path, inner.span());
            }
            UseTree::Name(inner) => self.bring(inner.ident.to_string(), joined(path, &inner.ident), inner.span()),
            UseTree::Rename(inner) if inner.ident == "self" => self.bring(inner.rename.to_string(), path, inner.span()),
            UseTree::Rename(inner) => {
                self.bring(inner.rename.to_string(), joined(path, &inner.ident), inner.span());
            }
            UseTree::Glob(_) => {}
            UseTree::Group(inner) => {
                for branch in &inner.items {
                    self.import(branch, path.clone());
                }
            }
        }
    }

    fn bring(&mut self, name: String, path: Vec<String>, span: proc_macro2::Span) {
        let scope = self.scopes.last().cloned().unwrap_or(1..=usize::MAX);
        self.found.imports.push(Import { name, path, line: span.start().line, scope });
    }
}

fn joined(mut path: Vec<String>, word: &syn::Ident) -> Vec<String> {
    path.push(word.to_string());
    path
}

impl<'ast> Visit<'ast> for Walk {
    fn visit_item_mod(&mut self, item: &'ast ItemMod) {
        let tests_only = item.attrs.iter().any(is_for_tests);
        let lines = item.span().start().line..=item.span().end().line;
        if !tests_only {
            item.attrs.iter().for_each(|it| self.visit_attribute(it));
        }
        if item.content.is_none() {
            if tests_only {
                self.found.test_files.push(item.ident.to_string());
            }
            return;
        }
        self.found.inline_modules.push(InlineModule { name: item.ident.to_string(), lines: lines.clone() });
        if tests_only && !self.in_test {
            self.found.test_lines.push(lines.clone());
        }
        let outside = self.in_test;
        self.in_test |= tests_only;
        self.scopes.push(lines);
        for inner in item.content.iter().flat_map(|(_, items)| items) {
            self.visit_item(inner);
        }
        self.scopes.pop();
        self.in_test = outside;
    }

    fn visit_item_use(&mut self, item: &'ast ItemUse) {
        self.import(&item.tree, Vec::new());
        visit::visit_item_use(self, item);
    }

    fn visit_attribute(&mut self, attribute: &'ast Attribute) {
        let condition = attribute.path().is_ident("cfg") || attribute.path().is_ident("cfg_attr");
        if condition && !self.in_test && says_test(&attribute.meta) {
            self.found.conditional.push(attribute.span().start().line);
        }
    }

    fn visit_macro(&mut self, call: &'ast Macro) {
        if call.path.is_ident("cfg") && !self.in_test && mentions_test(call.tokens.clone()) {
            self.found.conditional.push(call.span().start().line);
        }
    }

    fn visit_item_struct(&mut self, item: &'ast ItemStruct) {
        self.documented(&item.vis, &item.attrs, &item.ident);
        visit::visit_item_struct(self, item);
    }

    fn visit_item_enum(&mut self, item: &'ast ItemEnum) {
        self.documented(&item.vis, &item.attrs, &item.ident);
        visit::visit_item_enum(self, item);
    }

    fn visit_item_union(&mut self, item: &'ast ItemUnion) {
        self.documented(&item.vis, &item.attrs, &item.ident);
        visit::visit_item_union(self, item);
    }

    fn visit_item_type(&mut self, item: &'ast ItemType) {
        self.documented(&item.vis, &item.attrs, &item.ident);
        visit::visit_item_type(self, item);
    }

    fn visit_item_trait(&mut self, item: &'ast ItemTrait) {
        self.documented(&item.vis, &item.attrs, &item.ident);
        for method in &item.items {
            if let syn::TraitItem::Fn(TraitItemFn { attrs, sig, .. }) = method {
                self.documented(&item.vis, attrs, &sig.ident);
            }
        }
        visit::visit_item_trait(self, item);
    }

    fn visit_item_fn(&mut self, item: &'ast ItemFn) {
        self.found.functions.push(item.sig.ident.to_string());
        self.documented(&item.vis, &item.attrs, &item.sig.ident);
        visit::visit_item_fn(self, item);
    }

    fn visit_impl_item_fn(&mut self, item: &'ast ImplItemFn) {
        self.documented(&item.vis, &item.attrs, &item.sig.ident);
        visit::visit_impl_item_fn(self, item);
    }
}

/// `#[cfg(test)]`, also as one of several conditions that must all hold.
fn is_for_tests(attribute: &Attribute) -> bool {
    fn holds_only_in_tests(condition: &Meta) -> bool {
        match condition {
            Meta::Path(path) => path.is_ident("test"),
            Meta::List(list) if list.path.is_ident("all") => conditions(list).iter().any(holds_only_in_tests),
            Meta::List(_) | Meta::NameValue(_) => false,
        }
    }
    let Meta::List(list) = &attribute.meta else { return false };
    list.path.is_ident("cfg") && conditions(list).iter().any(holds_only_in_tests)
}

fn conditions(list: &syn::MetaList) -> Vec<Meta> {
    let separated = syn::punctuated::Punctuated::<Meta, syn::Token![,]>::parse_terminated;
    list.parse_args_with(separated).map(|it| it.into_iter().collect()).unwrap_or_default()
}

fn says_test(meta: &Meta) -> bool {
    matches!(meta, Meta::List(list) if mentions_test(list.tokens.clone()))
}

fn mentions_test(tokens: proc_macro2::TokenStream) -> bool {
    tokens.into_iter().any(|it| match it {
        proc_macro2::TokenTree::Ident(word) => word == "test",
        proc_macro2::TokenTree::Group(group) => mentions_test(group.stream()),
        proc_macro2::TokenTree::Punct(_) | proc_macro2::TokenTree::Literal(_) => false,
    })
}
