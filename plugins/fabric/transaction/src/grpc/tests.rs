use super::*;
use crate::failure::Verdict;

const LIMIT: usize = 1024;

#[test]
fn a_message_gets_a_zero_and_its_length_in_four_bytes() {
    assert_eq!(frame(b"abc"), [0, 0, 0, 0, 3, b'a', b'b', b'c']);
    assert_eq!(frame(b""), [0, 0, 0, 0, 0]);
    assert_eq!(frame(&[7; 258])[..5], [0, 0, 0, 1, 2]);
}

#[test]
fn a_body_can_carry_several_messages_and_the_beginning_of_another() {
    let body = [0, 0, 0, 0, 1, 9, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2, 1];
    let frames = unframe(&body, LIMIT).unwrap();
    assert_eq!(frames.messages, [&[9][..], &[]]);
    assert_eq!(frames.rest, [0, 0, 0, 0, 2, 1]);
    let error = whole(&body, LIMIT).unwrap_err();
    assert_eq!(error, FrameError::Truncated { number: 2, rest: 6 });
    assert_eq!(whole(&body[..11], LIMIT).unwrap().len(), 2);
}

#[test]
fn every_cut_of_a_body_is_either_whole_or_truncated() {
    let body = [frame(b"one"), frame(b"two")].concat();
    for end in 0..body.len() {
        let cut = &body[..end];
        assert_eq!(whole(cut, LIMIT).is_ok(), end == 0 || end == 8, "{end}");
    }
    assert_eq!(only(&body, LIMIT), Err(FrameError::Count(2)));
    assert_eq!(only(&body[..8], LIMIT), Ok(&b"one"[..]));
    assert_eq!(only(b"", LIMIT), Err(FrameError::Count(0)));
}

#[test]
fn compressed_and_huge_messages_are_refused_before_they_arrive() {
    assert_eq!(
        unframe(&[1, 0, 0, 0, 0], LIMIT),
        Err(FrameError::Compressed(0))
    );
    let huge = unframe(&[0, 255, 255, 255, 255], LIMIT).unwrap_err();
    assert!(matches!(
        huge,
        FrameError::TooLarge {
            length: 0xffff_ffff,
            ..
        }
    ));
    // An answer of HTML instead of gRPC.
    assert!(unframe(b"<html>", LIMIT).is_err());
}

#[test]
fn a_status_is_taken_from_trailers_and_else_from_headers() {
    let none: [(&str, &str); 0] = [];
    assert_eq!(check(200, &none, &[("grpc-status", "0")]), Ok(()));
    assert_eq!(check(200, &[("Grpc-Status", "0")], &none), Ok(()));
    let error = check(
        200,
        &none,
        &[
            ("grpc-status", "14"),
            ("grpc-message", "no%20leader%3A 100%25 %C3%BC%2"),
        ],
    )
    .unwrap_err();
    assert_eq!(error.code, Code::Unavailable);
    assert_eq!(error.to_string(), "UNAVAILABLE: no leader: 100% ü%2");
    assert_eq!(error.verdict(), Verdict::Again);
    let error = check(200, &none, &[("grpc-status", "99")]).unwrap_err();
    assert_eq!(error.code, Code::Unknown);
    assert_eq!(error.verdict(), Verdict::GiveUp);
}

#[test]
fn an_answer_without_a_status_is_a_broken_connection_or_no_grpc() {
    let none: [(&str, &str); 0] = [];
    let verdict = |status| check(status, &none, &none).unwrap_err().verdict();
    assert_eq!(verdict(200), Verdict::Again);
    assert_eq!(verdict(503), Verdict::Again);
    assert_eq!(verdict(404), Verdict::GiveUp);
    assert_eq!(verdict(415), Verdict::GiveUp);
}

#[test]
fn the_text_of_a_peer_outweighs_its_code() {
    let none: [(&str, &str); 0] = [];
    let error = check(
        200,
        &none,
        &[
            ("grpc-status", "2"),
            ("grpc-message", "error validating proposal: access denied: channel [mychannel] creator org unknown, creator is malformed"),
        ],
    )
    .unwrap_err();
    assert_eq!(error.verdict(), Verdict::GiveUp);
    assert!(error.words().unwrap().contains("not in the channel"));
}

#[test]
fn paths_are_those_of_the_interface_files() {
    assert_eq!(
        Method::ProcessProposal.path(),
        "/protos.Endorser/ProcessProposal"
    );
    assert!(!Method::ProcessProposal.streams());
    assert!(Method::DeliverFiltered.streams());
}
