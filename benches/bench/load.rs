//! Signed deliveries, one connection or many, each waiting for its answer before it sends the next.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use anyhow::{Context as _, ensure};
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};

use crate::table::Samples;

pub(crate) const SECRET: &str = "a webhook secret";

static NUMBER: AtomicU64 = AtomicU64::new(0);

/// A signed body with its headers, but for the delivery's id.
#[derive(Debug, Clone)]
pub(crate) struct Letter {
    event: &'static str,
    signature: String,
    body: Vec<u8>,
}

/// What a load came to.
#[derive(Debug)]
pub(crate) struct Outcome {
    pub(crate) per_second: f64,
    pub(crate) latencies: Samples,
}

/// One connection that is kept open.
pub(crate) struct Line {
    stream: TcpStream,
    answer: Vec<u8>,
}

impl Letter {
    pub(crate) fn new(event: &'static str, body: Vec<u8>) -> anyhow::Result<Self> {
        let mut mac = Hmac::<Sha256>::new_from_slice(SECRET.as_bytes())?;
        mac.update(&body);
        Ok(Self { event, signature: hex::encode(mac.finalize().into_bytes()), body })
    }

    fn request(&self) -> Vec<u8> {
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let head = format!(
            "POST /webhooks/github HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\n\
             x-github-event: {}\r\nx-github-delivery: 00000000-0000-4000-8000-{number:012}\r\n\
             x-hub-signature-256: sha256={}\r\ncontent-length: {}\r\n\r\n",
            self.event,
            self.signature,
            self.body.len()
        );
        [head.as_bytes(), &self.body].concat()
    }
}

impl Line {
    pub(crate) async fn to(port: u16) -> anyhow::Result<Self> {
        let stream = TcpStream::connect(("127.0.0.1", port)).await?;
        stream.set_nodelay(true)?;
        Ok(Self { stream, answer: Vec::with_capacity(1 << 10) })
    }

    /// Sends a delivery and waits for its answer, which has to be a good one.
    pub(crate) async fn send(&mut self, letter: &Letter) -> anyhow::Result<Duration> {
        let request = letter.request();
        let begun = Instant::now();
        self.stream.write_all(&request).await?;
        self.answer.clear();
        let body = loop {
            ensure!(self.stream.read_buf(&mut self.answer).await? > 0, "the server closed the connection");
            if let Some(at) = self.answer.windows(4).position(|bytes| bytes == b"\r\n\r\n") {
                break at + 4;
            }
        };
        let head = String::from_utf8_lossy(&self.answer[..body]).to_ascii_lowercase();
        let length = head.split("content-length: ").nth(1).and_then(|rest| rest.lines().next());
        let length: usize = length.map_or(Ok(0), |digits| digits.trim().parse())?;
        while self.answer.len() < body + length {
            ensure!(self.stream.read_buf(&mut self.answer).await? > 0, "the server closed the connection");
        }
        let took = begun.elapsed();
        ensure!(head.starts_with("http/1.1 20"), "refused: {}", head.lines().next().unwrap_or_default());
        Ok(took)
    }
}

/// Sends over `connections` for as long as told.
pub(crate) async fn run(port: u16, letter: &Letter, connections: usize, long: Duration) -> anyhow::Result<Outcome> {
    let over = Arc::new(AtomicBool::new(false));
    let mut running = tokio::task::JoinSet::new();
    let begun = Instant::now();
    for _ in 0..connections {
        let (letter, over) = (letter.clone(), over.clone());
        running.spawn(async move {
            let mut line = Line::to(port).await?;
            let mut samples = Vec::new();
            while !over.load(Ordering::Relaxed) {
                samples.push(line.send(&letter).await?);
            }
            anyhow::Ok(samples)
        });
    }
    tokio::time::sleep(long).await;
    over.store(true, Ordering::Relaxed);
    let mut samples = Vec::new();
    while let Some(ended) = running.join_next().await {
        samples.extend(ended?.context("a connection failed")?);
    }
    let per_second = samples.len() as f64 / begun.elapsed().as_secs_f64();
    Ok(Outcome { per_second, latencies: Samples::new(samples) })
}
