//! Deliveries from a smee channel: server-sent events, each one delivery as JSON.
//!
//! smee reads the body that GitHub signed and writes it again. What arrives here is passed on as it is, cut out of its
//! envelope byte for byte and not written a third time; where GitHub is known to spell otherwise, that spelling is tried,
//! too. The signature decides, and the daemon checks it.

use std::{collections::BTreeMap, path::Path, time::Duration};

use futures_util::StreamExt as _;
use reqwest::{Response, StatusCode, header::LOCATION, redirect::Policy};
use serde_json::value::RawValue;
use url::{Host, Url};

use super::{
    door::{Door, Handed, Parcel},
    stream::{Message, Reader},
};
use crate::{
    cli::{caller::Caller, error::Error, output},
    places::Places,
    text,
};

/// Where channels are made unless somebody runs a server of their own.
pub(in crate::cli) const SERVER: &str = "https://smee.io";
const CONNECT: Duration = Duration::from_secs(15);
/// smee says every 30 s that it is there.
const SILENCE_MAX: Duration = Duration::from_secs(90);
const PAUSE_MIN: Duration = Duration::from_secs(1);
const PAUSE_MAX: Duration = Duration::from_secs(60);
/// GitHub sends 25 MiB at most, and an envelope adds little.
const MESSAGE_BYTES_MAX: usize = 64 << 20;

/// The channel of this state directory at `server`; made there if there is none yet.
pub(in crate::cli) async fn channel(server: &Url, places: &Places) -> Result<String, Error> {
    let file = places.smee_channel();
    if let Some(kept) = kept(&file).filter(|kept| kept.origin() == server.origin()) {
        return Ok(kept.to_string());
    }
    let failed = |why: &str| {
        Error::failed(format!("{server} made no channel: {why}"))
            .hint("make one there in a browser, and name it with --url CHANNEL")
    };
    let client = client(true)?;
    let new = server.join("new").map_err(|error| failed(&error.to_string()))?;
    let answer = client.get(new).timeout(CONNECT).send().await.map_err(|error| failed(&error.to_string()))?;
    let target = answer.headers().get(LOCATION).and_then(|target| target.to_str().ok());
    let channel = target.and_then(|target| server.join(target).ok());
    let channel = channel.filter(|channel| channel.origin() == server.origin() && is_private(channel));
    let channel = channel.ok_or_else(|| failed("it named none"))?;
    let written = Places::make_private(file.parent().unwrap_or(places.root()))
        .and_then(|()| Places::write_private(&file, channel.as_str().as_bytes()));
    written.map_err(|error| Error::failed(format!("cannot write {}", file.display())).because(&error))?;
    Ok(channel.to_string())
}

/// The channel that was made for this state directory.
pub(super) fn known(caller: &Caller) -> Result<Url, Error> {
    kept(&Places::new(caller.state_dir()?).smee_channel()).ok_or_else(|| {
        Error::invalid("no channel was made yet")
            .hint("make one with `antiphon github setup --webhook --smee`, or name yours: --smee=https://smee.io/…")
    })
}

fn kept(file: &Path) -> Option<Url> {
    std::fs::read_to_string(file).ok()?.trim().parse().ok()
}

/// Hands everything that comes through the channel to the door. It ends only if the channel refuses for good.
pub(super) async fn forward(channel: &Url, door: &Door, quiet: bool) -> Result<(), Error> {
    if !is_private(channel) {
        return Err(Error::invalid("the channel's address must begin with https://")
            .hint("everybody on the way could read your deliveries otherwise"));
    }
    let client = client(false)?;
    let (mut reader, mut pause) = (Reader::default(), PAUSE_MIN);
    loop {
        match connect(&client, channel, reader.last_id.as_deref()).await {
            Ok(response) if response.status().is_success() => {
                pause = PAUSE_MIN;
                output::remark("connected");
                reader.begin();
                listen(response, &mut reader, door, quiet).await?;
                output::remark("the connection ended; it is made again");
            }
            Ok(response) if is_final(response.status()) => {
                return Err(Error::failed(format!("the channel answers {}", response.status()))
                    .hint("see whether its address is right, in a browser"));
            }
            Ok(response) => output::remark(&format!("the channel answers {}; it is tried again", response.status())),
            Err(error) => output::remark(&format!("the channel cannot be reached ({error}); it is tried again")),
        }
        tokio::time::sleep(reader.retry_ms.map_or(pause, Duration::from_millis).min(PAUSE_MAX)).await;
        pause = (pause * 2).min(PAUSE_MAX);
    }
}

/// A refusal that time does not mend.
fn is_final(status: StatusCode) -> bool {
    status.is_client_error() && !matches!(status, StatusCode::REQUEST_TIMEOUT | StatusCode::TOO_MANY_REQUESTS)
}

async fn connect(client: &reqwest::Client, channel: &Url, last_id: Option<&str>) -> Result<Response, reqwest::Error> {
    let mut request = client.get(channel.clone()).header("accept", "text/event-stream");
    if let Some(id) = last_id {
        request = request.header("last-event-id", id);
    }
    request.send().await.map_err(reqwest::Error::without_url)
}

/// Reads one connection to its end.
async fn listen(response: Response, reader: &mut Reader, door: &Door, quiet: bool) -> Result<(), Error> {
    let mut bytes = response.bytes_stream();
    while let Ok(Some(Ok(chunk))) = tokio::time::timeout(SILENCE_MAX, bytes.next()).await {
        for message in reader.push(&chunk) {
            hand_in(&message, door, quiet).await?;
        }
        if reader.held() > MESSAGE_BYTES_MAX {
            return Ok(());
        }
    }
    Ok(())
}

async fn hand_in(message: &Message, door: &Door, quiet: bool) -> Result<(), Error> {
    if !matches!(message.name.as_str(), "" | "message") {
        return Ok(());
    }
    let Some(parcel) = unpack(&message.data) else {
        output::remark("something came that is no delivery of GitHub's");
        return Ok(());
    };
    let handed = door.hand_in(&parcel).await;
    match handed {
        Handed::Answered(status) if status.is_success() && quiet => Ok(()),
        Handed::Answered(_) | Handed::NobodyThere => output::line(&format!("{}  {}", name(&parcel), in_words(handed))),
    }
}

fn in_words(handed: Handed) -> String {
    match handed {
        Handed::Answered(StatusCode::UNAUTHORIZED) => {
            "refused: the signature does not match. Either the secret of the webhook is another one, or smee changed the \
             body; then the periodic look finds what it was about"
                .to_owned()
        }
        Handed::Answered(status) if status.is_success() => "taken".to_owned(),
        Handed::Answered(status) => format!("refused: {status}"),
        Handed::NobodyThere => "dropped: no daemon answers; the periodic look finds it later".to_owned(),
    }
}

/// What a delivery is called. Its headers are anybody's words.
fn name(parcel: &Parcel) -> String {
    let header = |name: &str| {
        let found = parcel.headers.iter().find(|(known, _)| known == name);
        text::sanitise(found.map_or("", |(_, value)| value)).text
    };
    format!("{} {}", header("x-github-event"), header("x-github-delivery"))
}

/// The delivery in an envelope; `None` if there is none.
fn unpack(data: &str) -> Option<Parcel> {
    let envelope: BTreeMap<String, &RawValue> = serde_json::from_str(data).ok()?;
    let body = envelope.get("body")?.get();
    let is_githubs = |name: &str| name.starts_with("x-github-") || name == "x-hub-signature-256";
    let headers = envelope.iter().filter(|(name, _)| is_githubs(name));
    let headers: Vec<(String, String)> =
        headers.filter_map(|(name, value)| Some((name.clone(), serde_json::from_str(value.get()).ok()?))).collect();
    if !headers.iter().any(|(name, _)| name == "x-github-event") {
        return None;
    }
    Some(Parcel { headers, bodies: [body.to_owned()].into_iter().chain(as_github_escapes(body)).collect() })
}

/// The same JSON with `\u001B` for `\u001b`, if that is another text: GitHub escapes in upper case, JavaScript in lower.
fn as_github_escapes(json: &str) -> Option<String> {
    let mut spelled = String::with_capacity(json.len());
    let mut letters = json.chars();
    while let Some(letter) = letters.next() {
        spelled.push(letter);
        if letter == '\\' {
            let kind = letters.next()?;
            spelled.push(kind);
            if kind == 'u' {
                spelled.extend(letters.by_ref().take(4).map(|digit| digit.to_ascii_uppercase()));
            }
        }
    }
    (spelled != json).then_some(spelled)
}

/// Whether nobody on the way can listen: encrypted, or on this machine.
fn is_private(url: &Url) -> bool {
    let here = match url.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    };
    url.scheme() == "https" || (url.scheme() == "http" && here)
}

fn client(stay: bool) -> Result<reqwest::Client, Error> {
    let policy = if stay { Policy::none() } else { Policy::limited(3) };
    let agent = concat!("antiphon/", env!("CARGO_PKG_VERSION"));
    let client = reqwest::Client::builder().connect_timeout(CONNECT).redirect(policy).user_agent(agent).build();
    client.map_err(|error| Error::failed("cannot speak to smee").because(&error))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_body_is_cut_out_of_its_envelope_byte_for_byte() {
        let body = r#"{"b":1.50,"a":"ü\u001b\\u001b",  "n":10000000000000000000001}"#;
        let data = format!(
            r#"{{"host":"smee.io","x-github-event":"push","x-hub-signature-256":"sha256=0","body":{body},"query":{{}},"timestamp":1}}"#
        );

        let parcel = unpack(&data).unwrap();

        assert_eq!(parcel.bodies, [body.to_owned(), body.replacen("001b", "001B", 1)]);
        let headers = [("x-github-event", "push"), ("x-hub-signature-256", "sha256=0")];
        assert_eq!(parcel.headers, headers.map(|(name, value)| (name.to_owned(), value.to_owned())));
    }

    #[test]
    fn what_is_no_delivery_is_not_passed_on() {
        for data in ["{}", "nonsense", r#"{"body":{}}"#, r#"{"x-github-event":"push"}"#] {
            assert_eq!(unpack(data), None, "{data}");
        }
    }

    #[test]
    fn a_channel_that_others_could_listen_to_is_refused() {
        let private = |url: &str| is_private(&url.parse().unwrap());

        assert!(private("https://smee.io/x") && private("http://127.0.0.1:9/x"));
        assert!(!private("http://smee.io/x") && !private("http://127.0.0.1.example.com/x"));
    }
}
