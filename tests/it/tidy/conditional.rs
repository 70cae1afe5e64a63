//! What is tested is what ships: no code outside test modules asks whether it is being tested.

use super::{Violation, assert_none, places, tree::Tree};

fn violations(tree: &Tree) -> Vec<Violation> {
    let mut found = Vec::new();
    for source in tree.production().filter(|it| !it.is_test) {
        let advice =
            "only a module may be for tests alone: move this into `#[cfg(test)] mod`, or hand the difference in";
        found.extend(source.items.conditional.iter().map(|line| Violation::new(&source.path, *line, advice)));
    }
    found
}

#[test]
fn no_code_that_ships_asks_whether_it_is_tested() {
    assert_none(violations(Tree::repository()));
}

#[test]
fn conditions_on_test_are_found_except_on_modules() {
    let text = "#[cfg(test)]\nfn a() {}\n#[cfg_attr(test, derive(Debug))]\nstruct B;\nfn c() { if cfg!(test) {} }\n\
                struct D {\n    #[cfg(not(test))]\n    e: u8,\n}\n#[cfg(any(test, unix))]\nmod f {}\n\
                #[cfg(all(test, unix))]\nmod g {\n    #[cfg(test)]\n    fn h() {}\n}\n#[cfg(test)]\nmod i;";
    let tree = Tree::of(&[("src/a.rs", text)]);

    let lines: Vec<usize> = places(&violations(&tree)).into_iter().map(|(_, line)| line).collect();
    assert_eq!(lines, [1, 3, 5, 7, 10]);
}
