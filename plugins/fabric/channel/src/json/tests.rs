use super::*;

#[test]
fn times_are_written_as_rfc_3339() {
    let text = |seconds, nanos| timestamp_text(&Timestamp { seconds, nanos });
    assert_eq!(text(0, 0), "1970-01-01T00:00:00Z");
    assert_eq!(text(1_700_000_000, 0), "2023-11-14T22:13:20Z");
    assert_eq!(text(951_782_400, 500_000_000), "2000-02-29T00:00:00.500Z");
    assert_eq!(text(-1, 1_000), "1969-12-31T23:59:59.000001Z");
    assert_eq!(text(4_102_444_799, 7), "2099-12-31T23:59:59.000000007Z");
    // Nonsense of a stranger must not overflow.
    text(i64::MAX, i32::MIN);
    text(i64::MIN, 0);
}

#[test]
fn unknown_values_stay_base64() {
    assert_eq!(value_json("Other", &[1, 2]).unwrap(), json!("AQI="));
    assert_eq!(value_json("MSP", &[]).unwrap(), Value::Null);
    assert!(value_json("BatchSize", &[0xff]).is_err());
}

#[test]
fn numbers_of_unknown_names_stay_numbers() {
    let value = fabric_proto::configuration::ConsensusType {
        r#type: "new".to_owned(),
        metadata: vec![1],
        state: 9,
    };
    let encoded = fabric_proto::Message::encode_to_vec(&value);
    assert_eq!(
        value_json("ConsensusType", &encoded).unwrap(),
        json!({"type": "new", "metadata": "AQ==", "state": 9})
    );
}

#[test]
fn envelopes_in_envelopes_are_bounded() {
    use fabric_proto::Message;
    use fabric_proto::common::{Header, Payload};
    let mut envelope = Envelope::default();
    for depth in 0..5000 {
        if depth == 3 {
            assert!(envelope_json(&envelope).is_ok());
        }
        let channel_header = ChannelHeader {
            r#type: HeaderType::Config as i32,
            ..ChannelHeader::default()
        };
        let payload = Payload {
            header: Some(Header {
                channel_header: channel_header.encode_to_vec(),
                signature_header: Vec::new(),
            }),
            data: ConfigEnvelope {
                config: None,
                last_update: (depth > 0).then_some(envelope),
            }
            .encode_to_vec(),
        };
        envelope = Envelope {
            payload: payload.encode_to_vec(),
            signature: Vec::new(),
        };
    }
    assert!(matches!(envelope_json(&envelope), Err(BlockError::Nested)));
}
