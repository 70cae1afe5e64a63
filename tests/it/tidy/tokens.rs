//! Paths and strings, read from the tokens of a file, so that the insides of macros count as well.

use proc_macro2::{Delimiter, TokenStream, TokenTree};
use syn::LitStr;

use super::source::{Name, Text};

/// What the tokens of a file say.
#[derive(Debug, Default)]
pub(super) struct Tokens {
    /// Every path and every single word, in order.
    pub names: Vec<Name>,
    /// Every string, in order.
    pub strings: Vec<Text>,
}

/// Reads a file's tokens.
pub(super) fn read(stream: TokenStream) -> Tokens {
    let mut found = Tokens::default();
    found.walk(stream, false);
    found
}

impl Tokens {
    fn walk(&mut self, stream: TokenStream, included: bool) {
        let tokens: Vec<TokenTree> = stream.into_iter().collect();
        let mut at = 0;
        while at < tokens.len() {
            match &tokens[at] {
                TokenTree::Ident(_) => at = self.path(&tokens, at, &[]),
                TokenTree::Group(group) => {
                    if !is_documentation(&tokens[..at], group) {
                        self.walk(group.stream(), included);
                    }
                    at += 1;
                }
                TokenTree::Literal(literal) => {
                    self.string(literal, included);
                    at += 1;
                }
                TokenTree::Punct(_) => at += 1,
            }
        }
    }

    /// Reads one path that starts at `at`, braces included, and returns where it ends.
    fn path(&mut self, tokens: &[TokenTree], at: usize, prefix: &[String]) -> usize {
        let line = tokens[at].span().start().line;
        let mut path = prefix.to_vec();
        path.push(tokens[at].to_string());
        let mut at = at + 1;
        while is_separator(tokens, at) {
            match tokens.get(at + 2) {
                Some(TokenTree::Ident(word)) => path.push(word.to_string()),
                Some(TokenTree::Punct(star)) if star.as_char() == '*' => path.push("*".to_owned()),
                Some(TokenTree::Group(group)) if group.delimiter() == Delimiter::Brace => {
                    self.branches(group.stream(), &path);
                    return at + 3;
                }
                _ => break,
            }
            at += 3;
        }
        if path.len() > 1 && path.last().is_some_and(|it| it == "self") {
            path.pop();
        }
        let embeds = path.last().is_some_and(|it| it.starts_with("include"));
        self.names.push(Name { line, path });
        if embeds && let [TokenTree::Punct(_), TokenTree::Group(group), ..] = &tokens[at..] {
            self.walk(group.stream(), true);
            return at + 2;
        }
        at
    }

    /// Reads `a, b::c, *` of a braced import.
    fn branches(&mut self, stream: TokenStream, prefix: &[String]) {
        let tokens: Vec<TokenTree> = stream.into_iter().collect();
        let mut at = 0;
        while at < tokens.len() {
            at = match &tokens[at] {
                TokenTree::Ident(word) if *word == "as" => at + 2,
                TokenTree::Ident(_) => self.path(&tokens, at, prefix),
                TokenTree::Punct(star) if star.as_char() == '*' => {
                    let path = prefix.iter().cloned().chain(["*".to_owned()]).collect();
                    self.names.push(Name { line: star.span().start().line, path });
                    at + 1
                }
                TokenTree::Punct(_) | TokenTree::Group(_) | TokenTree::Literal(_) => at + 1,
            };
        }
    }

    fn string(&mut self, literal: &proc_macro2::Literal, included: bool) {
        let Ok(text) = syn::parse_str::<LitStr>(&literal.to_string()) else { return };
        let (line, value) = (literal.span().start().line, text.value());
        // Attributes of derives name functions in strings.
        if value.starts_with("crate::") && value.chars().all(|it| it.is_alphanumeric() || "_:".contains(it)) {
            self.names.push(Name { line, path: value.split("::").map(str::to_owned).collect() });
        }
        self.strings.push(Text { line, value, included });
    }
}

fn is_separator(tokens: &[TokenTree], at: usize) -> bool {
    let colon = |it: Option<&TokenTree>| matches!(it, Some(TokenTree::Punct(p)) if p.as_char() == ':');
    colon(tokens.get(at)) && colon(tokens.get(at + 1))
}

/// Whether a group is the inside of `#[doc = …]`, which is what `///` and `//!` become.
fn is_documentation(before: &[TokenTree], group: &proc_macro2::Group) -> bool {
    let marked = matches!(before.last(), Some(TokenTree::Punct(p)) if "#!".contains(p.as_char()));
    let mut inside = group.stream().into_iter();
    let first = inside.next();
    marked
        && group.delimiter() == Delimiter::Bracket
        && matches!(first, Some(TokenTree::Ident(word)) if word == "doc")
        && matches!(inside.nth(1), Some(TokenTree::Literal(_)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(text: &str) -> Vec<(usize, String)> {
        let found = read(text.parse().expect("the test's text is Rust"));
        found.names.into_iter().map(|it| (it.line, it.path.join("::"))).filter(|(_, it)| it.contains("::")).collect()
    }

    #[test]
    fn braces_are_spread() {
        assert_eq!(
            names("use std::{\n    fs,\n    io::{self, Read as R},\n    net::*,\n};"),
            [
                (2, "std::fs".to_owned()),
                (3, "std::io".to_owned()),
                (3, "std::io::Read".to_owned()),
                (4, "std::net::*".to_owned()),
            ]
        );
    }

    #[test]
    fn macros_generics_and_attributes_are_read() {
        assert_eq!(
            names("#[serde(with = \"crate::a::b\")]\nfn f() { info!(x = crate::c::d(), Vec::<crate::e::F>::new()) }"),
            [(1, "crate::a::b".to_owned()), (2, "crate::c::d".to_owned()), (2, "crate::e::F".to_owned())]
        );
    }

    #[test]
    fn documentation_is_no_string_and_an_embedded_file_is_known_as_such() {
        let found =
            read("/// A.\nconst A: &str = include_str!(\"a\"); const B: &str = \"b\";".parse().expect("is Rust"));

        assert_eq!(
            found.strings,
            [
                Text { line: 2, value: "a".to_owned(), included: true },
                Text { line: 2, value: "b".to_owned(), included: false },
            ]
        );
    }
}
