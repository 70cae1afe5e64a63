//! A job log of 600 MB, read through the redirect by a process of its own whose memory is measured.

use std::{
    io::{BufRead as _, BufReader, Write as _},
    net::{TcpListener, TcpStream},
    process::{Command, Stdio},
    sync::atomic::{AtomicBool, Ordering},
};

use antiphon::{
    clock::Clock,
    failure::{self, Material},
    github::{Client, Credentials, Settings},
    model::{Attempt, Check, CheckKind, CheckState, Conclusion, JobId, JobRef, RunId, Secret},
};

const LOG_BYTES: usize = 600 << 20;
const GROWTH_KIB_MAX: u64 = 20 << 10;
/// Whether the log was sent to its end.
static SENT: AtomicBool = AtomicBool::new(false);
const STAMP: &str = "2026-11-20T06:53:55.1234567Z";

// G072, Show 5.
#[test]
#[ignore = "reads 600 MB, minutes without optimisation: cargo test --release --test it long_log -- --ignored"]
#[expect(clippy::disallowed_methods, reason = "the child is this very test binary")]
fn a_log_of_600_megabytes_is_read_in_20() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let place = url.clone();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let place = place.clone();
            std::thread::spawn(move || serve(stream.unwrap(), &place));
        }
    });

    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "long_log::what_the_child_reads", "--ignored", "--nocapture"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    writeln!(child.stdin.take().unwrap(), "{url}").unwrap();
    let output = child.wait_with_output().unwrap();

    let said = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success(), "{said}");
    assert!(SENT.load(Ordering::SeqCst), "the rest of the log was given up\n{said}");
    println!("{said}");
}

/// Reads its task from standard input: the address of a GitHub. Without one it has nothing to do.
#[test]
#[ignore = "no test of its own: the one above starts it as the process that it measures"]
fn what_the_child_reads() {
    let mut url = String::new();
    std::io::stdin().read_line(&mut url).unwrap();
    if url.trim().is_empty() {
        return;
    }
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();

    let (growth, findings) = runtime.block_on(async {
        let credentials = Credentials::Token(Secret::new("t0k3n"));
        let settings = Settings { api_url: url.trim().to_owned(), credentials, write_gap: None };
        let client = Client::new(settings, Clock::system()).unwrap();
        let before = peak_kib();
        let head = "1".repeat(40).parse().unwrap();
        let material = client.failure_material(&"octo/hello".parse().unwrap(), &check(), &head).await.unwrap();
        let read = failure::read(&Material {
            check: check().name,
            job: None,
            ended: Some(Conclusion::Failure),
            job_name: material.job,
            step: material.step,
            log: material.log,
            annotations: Vec::new(),
            reports: Vec::new(),
            summary: None,
            url: None,
        });
        (peak_kib() - before, read.failure.findings)
    });

    println!("{} MiB of log, {growth} KiB of memory", LOG_BYTES >> 20);
    let places: Vec<_> = findings.iter().map(|finding| (finding.file.as_deref(), finding.line)).collect();
    assert_eq!(places, [(Some("src/cart.c"), Some(7)), (Some("src/price.c"), Some(31))]);
    assert_eq!(findings[0].message, "expected ';' before '}' token");
    assert!(growth < GROWTH_KIB_MAX, "{growth} KiB");
}

fn check() -> Check {
    Check {
        name: "build".parse().unwrap(),
        kind: CheckKind::Run,
        app: Some("github-actions".to_owned()),
        required: true,
        state: CheckState::Finished(Conclusion::Failure),
        job: Some(JobRef { run: RunId(70), attempt: Attempt(1), job: JobId(5) }),
        url: None,
    }
}

/// The most memory that this process has ever had, in KiB.
fn peak_kib() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    line.trim().trim_end_matches(" kB").trim().parse().unwrap()
}

/// A GitHub with one failed job, whose log lies at another address.
fn serve(mut stream: TcpStream, place: &str) {
    let mut reader = BufReader::new(stream.try_clone().unwrap());
    loop {
        let mut request = String::new();
        if reader.read_line(&mut request).unwrap_or(0) == 0 {
            return;
        }
        let mut header = String::new();
        while reader.read_line(&mut header).unwrap_or(0) > 2 {
            header.clear();
        }
        let answered = match request.split(' ').nth(1).unwrap_or_default() {
            "/repos/octo/hello/actions/jobs/5" => {
                let steps = r#"[{"name": "Run make", "conclusion": "failure"}]"#;
                let job = format!(r#"{{"id": 5, "name": "build", "steps": {steps}}}"#);
                write!(stream, "HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n{job}", job.len())
            }
            "/repos/octo/hello/actions/jobs/5/logs" => {
                write!(stream, "HTTP/1.1 302 Found\r\nlocation: {place}/log?sig=x\r\ncontent-length: 0\r\n\r\n")
            }
            "/log?sig=x" => log(&mut stream),
            _ => write!(stream, "HTTP/1.1 404 Not Found\r\ncontent-length: 2\r\n\r\n{{}}"),
        };
        if answered.is_err() {
            return;
        }
    }
}

/// The log: the errors stand in its middle.
fn log(stream: &mut TcpStream) -> std::io::Result<()> {
    let begin =
        format!("\u{FEFF}{STAMP} ##[group]Run make\n{STAMP} shell: /usr/bin/bash -e {{0}}\n{STAMP} ##[endgroup]\n");
    let errors = format!(
        "{STAMP} src/cart.c:7:2: error: expected ';' before '}}' token\n{STAMP} src/price.c:31:9: error: 'x' undeclared\n"
    );
    let end = format!("{STAMP} ##[error]Process completed with exit code 2.\n{STAMP} Post job cleanup.\n");
    let noise = format!("{STAMP} [ 42%] Building C object src/CMakeFiles/shop.dir/generated/one_more_file.c.o\n");
    let half = noise.repeat(64 << 10 >> 6);
    let times = LOG_BYTES / 2 / half.len();
    let length = begin.len() + errors.len() + end.len() + 2 * times * half.len();
    write!(stream, "HTTP/1.1 200 OK\r\ncontent-length: {length}\r\n\r\n{begin}")?;
    (0..times).try_for_each(|_| stream.write_all(half.as_bytes()))?;
    stream.write_all(errors.as_bytes())?;
    (0..times).try_for_each(|_| stream.write_all(half.as_bytes()))?;
    stream.write_all(end.as_bytes())?;
    SENT.store(true, Ordering::SeqCst);
    Ok(())
}
