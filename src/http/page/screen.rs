//! A terminal's screen as text whose looks are classes: the page allows no styles in its markup.

use maud::{Markup, html};

use crate::runtime::{Attribute, Color, Run, Screen, Style};

/// What is on the screen.
pub(super) fn screen(screen: &Screen) -> Markup {
    html! {
        @for line in screen.visible() {
            @for run in &line.0 { (piece(run)) }
            "\n"
        }
    }
}

fn piece(run: &Run) -> Markup {
    let class = class(&run.style);
    html! { @if class.is_empty() { (run.text) } @else { span class=(class) { (run.text) } } }
}

fn class(style: &Style) -> String {
    let mut classes = Vec::new();
    let inverse = style.attributes.contains(&Attribute::Inverse);
    let (front, back) = (nearest(style.foreground), nearest(style.background));
    if inverse {
        classes.push(back.map_or_else(|| "f-back".to_owned(), |color| format!("f{color}")));
        classes.push(front.map_or_else(|| "b-front".to_owned(), |color| format!("b{color}")));
    } else {
        classes.extend(front.map(|color| format!("f{color}")));
        classes.extend(back.map(|color| format!("b{color}")));
    }
    classes.extend(style.attributes.iter().filter_map(|attribute| match attribute {
        Attribute::Bold => Some("bold".to_owned()),
        Attribute::Dim => Some("dim".to_owned()),
        Attribute::Italic => Some("italic".to_owned()),
        Attribute::Underline => Some("line".to_owned()),
        Attribute::Inverse => None,
    }));
    classes.join(" ")
}

/// Which of the sixteen a colour is, or is most like; `None` for the terminal's own.
fn nearest(color: Color) -> Option<u8> {
    match color {
        Color::Default => None,
        Color::Indexed(index @ 0..16) => Some(index),
        Color::Indexed(index @ 16..232) => {
            let level = |n: u8| if n == 0 { 0 } else { 55 + 40 * n };
            let cube = index - 16;
            Some(like(level(cube / 36), level(cube / 6 % 6), level(cube % 6)))
        }
        Color::Indexed(index @ 232..) => Some(grey(8 + 10 * (index - 232))),
        Color::Rgb(red, green, blue) => Some(like(red, green, blue)),
    }
}

/// The hue decides, not the distance: a dark green is green, and not black.
fn like(red: u8, green: u8, blue: u8) -> u8 {
    let (most, least) = (red.max(green).max(blue), red.min(green).min(blue));
    if most - least < 32 {
        return grey(most);
    }
    let middle = least + (most - least) / 2;
    let hue = u8::from(red > middle) + 2 * u8::from(green > middle) + 4 * u8::from(blue > middle);
    if most >= 215 { hue + 8 } else { hue }
}

const fn grey(level: u8) -> u8 {
    match level {
        0..48 => 0,
        48..128 => 8,
        128..235 => 7,
        235.. => 15,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn style(foreground: Color, background: Color, attributes: &[Attribute]) -> Style {
        Style { foreground, background, attributes: attributes.to_vec() }
    }

    #[test]
    fn looks_are_classes() {
        for (style, classes) in [
            (Style::default(), ""),
            (style(Color::Indexed(1), Color::Default, &[Attribute::Bold]), "f1 bold"),
            (style(Color::Default, Color::Indexed(4), &[Attribute::Dim, Attribute::Underline]), "b4 dim line"),
            (style(Color::Default, Color::Default, &[Attribute::Inverse]), "f-back b-front"),
            (style(Color::Indexed(2), Color::Default, &[Attribute::Italic, Attribute::Inverse]), "f-back b2 italic"),
            (style(Color::Rgb(250, 5, 5), Color::Rgb(0, 0, 3), &[]), "f9 b0"),
            (style(Color::Indexed(46), Color::Indexed(255), &[]), "f10 b15"),
            (style(Color::Indexed(208), Color::Indexed(22), &[]), "f11 b2"),
        ] {
            assert_eq!(class(&style), classes);
        }
    }

    #[test]
    fn what_an_agent_prints_is_text() {
        let run =
            Run { text: "<script>alert(1)</script>".to_owned(), style: style(Color::Indexed(1), Color::Default, &[]) };

        assert_eq!(piece(&run).into_string(), r#"<span class="f1">&lt;script&gt;alert(1)&lt;/script&gt;</span>"#);
    }
}
