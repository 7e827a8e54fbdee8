use super::*;

#[test]
fn the_end_of_a_program_is_told_unless_the_bridge_has_ended_it() {
    for (said, how) in [
        ("code=1, signal=null", Some("exit code 1")),
        ("code=137, signal=null", Some("killed")),
        ("code=null, signal=SIGSEGV", Some("killed by SIGSEGV")),
        ("code=null, signal=SIGTERM", None),
        ("code=0, signal=null", None),
        ("nonsense", None),
    ] {
        assert_eq!(by_itself(said).as_deref(), how, "{said}");
    }
}

fn shell(script: &'static str, log: PathBuf) -> Spec {
    let command = move || {
        let mut command = Command::new("sh");
        command.arg("-c").arg(script).stdout(Stdio::null());
        command
    };
    Spec { name: "x".into(), command: Box::new(command), log, is_bridge: true }
}

#[tokio::test]
async fn what_ends_is_told_and_started_again_and_what_it_says_is_kept() {
    let folder = tempfile::tempdir().expect("a folder");
    let log = folder.path().join("log");
    let script = "echo '[supergateway] Child stderr: broken' >&2; echo '[supergateway] Failure: {' >&2; echo '}' >&2; exit 3";
    let (sender, mut events) = mpsc::unbounded_channel();
    let kept = Kept::start(shell(script, log.clone()), sender).expect("started");
    for pause in [1, 2] {
        let Some(Event::Ended { how, again, .. }) = events.recv().await else { panic!("no end") };
        assert_eq!((how.as_str(), again.as_secs()), ("exit code 3", pause));
    }
    assert_eq!(kept.last_line(), "broken");
    kept.stop().await;
    assert_eq!(std::fs::read_to_string(log).expect("a log"), "broken\nFailure: {\n}\n".repeat(2));
}

#[tokio::test]
async fn a_process_is_stopped_with_its_group() {
    let folder = tempfile::tempdir().expect("a folder");
    let marks = folder.path().join("marks");
    let (sender, _events) = mpsc::unbounded_channel();
    let path = marks.clone();
    let command = move || {
        let mut command = Command::new("sh");
        command.arg("-c").arg(format!("sleep 600 & echo $! >{}; wait", path.display()));
        command
    };
    let log = folder.path().join("log");
    let spec = Spec { name: "x".into(), command: Box::new(command), log, is_bridge: false };
    let kept = Kept::start(spec, sender).expect("started");
    let pid = loop {
        match std::fs::read_to_string(&marks).ok().and_then(|text| text.trim().parse::<u32>().ok())
        {
            Some(pid) => break pid,
            None => tokio::time::sleep(Duration::from_millis(10)).await,
        }
    };
    kept.stop().await;
    let state = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    assert!(state.is_empty() || state.contains(") Z"), "{state}");
}

#[test]
fn what_cannot_be_started_is_an_error() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let folder = tempfile::tempdir().expect("a folder");
    let log = folder.path().join("log");
    let command = || Command::new("/no/such/program");
    let spec = Spec { name: "x".into(), command: Box::new(command), log, is_bridge: false };
    let started = runtime
        .expect("a runtime")
        .block_on(async { Kept::start(spec, mpsc::unbounded_channel().0) });
    assert!(started.expect_err("refused").to_string().contains("/no/such/program"));
}
