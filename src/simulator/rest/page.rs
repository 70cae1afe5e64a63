//! Pages of lists: `per_page`, `page` and the `Link` header.

use serde_json::Value;

use crate::simulator::call::{Call, Reply};

/// The page of a list that was asked for.
pub(crate) fn list(root: &str, call: &Call, items: Vec<Value>) -> Reply {
    let (page, per_page, link) = cut(root, call, items.len());
    let items = items.into_iter().skip((page - 1) * per_page).take(per_page).collect();
    let reply = Reply::ok(Value::Array(items));
    if link.is_empty() { reply } else { reply.header("link", link) }
}

/// The page of a list that stands inside an object, beside the number of all entries.
pub(crate) fn counted(root: &str, call: &Call, field: &str, items: Vec<Value>) -> Reply {
    let total = items.len();
    let mut reply = list(root, call, items);
    let page = std::mem::take(&mut reply.body);
    reply.body = serde_json::json!({ "total_count": total, field: page });
    reply
}

/// Page, size and header.
fn cut(root: &str, call: &Call, total: usize) -> (usize, usize, String) {
    let number = |name: &str| call.param(name).and_then(|value| value.parse::<usize>().ok());
    let per_page = number("per_page").unwrap_or(30).clamp(1, 100);
    let page = number("page").unwrap_or(1).max(1);
    let last = total.div_ceil(per_page).max(1);
    let mut links = Vec::new();
    if page > 1 {
        links.push((page - 1, "prev"));
    }
    if page < last {
        links.push((page + 1, "next"));
        links.push((last, "last"));
    }
    if page > 1 {
        links.push((1, "first"));
    }
    let links: Vec<String> = links.iter().map(|(page, rel)| link(root, call, *page, rel)).collect();
    (page, per_page, links.join(", "))
}

fn link(root: &str, call: &Call, page: usize, rel: &str) -> String {
    let mut query = url::form_urlencoded::Serializer::new(String::new());
    for (name, value) in call.query.iter().filter(|(name, _)| *name != "page") {
        query.append_pair(name, value);
    }
    query.append_pair("page", &page.to_string());
    format!("<{root}{}?{}>; rel=\"{rel}\"", call.path, query.finish())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_page_in_the_middle_links_to_its_neighbours_and_the_ends() {
        let call = Call::new("GET", "/repos/o/r/pulls", "per_page=2&state=all&page=2", Value::Null);
        let reply = list("http://h", &call, (1..=5).map(|n| json!(n)).collect());

        assert_eq!(reply.body, json!([3, 4]));
        assert_eq!(
            reply.headers[0].1,
            "<http://h/repos/o/r/pulls?per_page=2&state=all&page=1>; rel=\"prev\", \
             <http://h/repos/o/r/pulls?per_page=2&state=all&page=3>; rel=\"next\", \
             <http://h/repos/o/r/pulls?per_page=2&state=all&page=3>; rel=\"last\", \
             <http://h/repos/o/r/pulls?per_page=2&state=all&page=1>; rel=\"first\""
        );
    }

    #[test]
    fn a_single_page_has_no_links() {
        let call = Call::new("GET", "/repos/o/r/pulls", "", Value::Null);

        assert_eq!(list("http://h", &call, vec![json!(1)]).headers, []);
    }
}
