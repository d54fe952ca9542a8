//! What leaves of a message, and what does not.

use smswatch_model::{PartReport, SmsId, Source, Timestamp};

use super::*;

fn facts() -> MessageFacts {
    MessageFacts {
        from: Some("+306911111111".to_owned()),
        to: Some(PhoneNumber::new("+306900000001")),
        body: Some(MessageText::new("Code 4711 for 306900000001")),
        ..MessageFacts::default()
    }
}

fn privacy(numbers: Numbers) -> Privacy {
    with_body(numbers, BodyText::Omit)
}

fn with_body(numbers: Numbers, body: BodyText) -> Privacy {
    Privacy::new(
        PrivacySettings { numbers, body },
        &Secret::new("application secret"),
    )
}

#[test]
fn a_number_is_masked_everywhere_unless_it_may_be_full() {
    let people = privacy(Numbers::Mask).people(&facts());
    assert_eq!(people.to.as_deref(), Some("+3069******01"));
    let text = privacy(Numbers::Mask).text("306900000001 is not known", &facts());
    assert_eq!(text, "3069******01 is not known");
    let people = privacy(Numbers::Full).people(&facts());
    assert_eq!(people.to.as_deref(), Some("+306900000001"));
    let text = privacy(Numbers::Full).text("306900000001", &facts());
    assert_eq!(text, "306900000001");
}

#[test]
fn a_number_that_only_another_part_tells_is_masked_too() {
    let facts = MessageFacts {
        other_numbers: vec![PhoneNumber::new("+306900000002")],
        ..facts()
    };
    let text = privacy(Numbers::Mask).text("306900000002 or 306900000001", &facts);
    assert_eq!(text, "3069******02 or 3069******01");
}

#[test]
fn who_wrote_to_us_is_masked_too() {
    let inbound = MessageFacts {
        direction: Some("INBOUND".to_owned()),
        ..facts()
    };
    let privacy = privacy(Numbers::Mask);
    let people = privacy.people(&inbound);
    assert_eq!(people.from.as_deref(), Some("+3069******11"));
    assert_eq!(
        privacy.text("from 306911111111", &inbound),
        "from 3069******11"
    );
    let outbound = privacy.people(&facts());
    assert_eq!(outbound.from.as_deref(), Some("+306911111111"));
    let to_itself = MessageFacts {
        from: Some("306900000001".to_owned()),
        ..facts()
    };
    let people = privacy.people(&to_itself);
    assert_eq!(people.from.as_deref(), Some("3069******01"));
}

#[test]
fn tags_hold_no_number_in_name_or_value() {
    let tags = Tags::from([
        ("phone".to_owned(), "306900000001".to_owned()),
        ("to 306900000001".to_owned(), "+44 20 7946 0123".to_owned()),
        ("team".to_owned(), "crm".to_owned()),
    ]);
    let masked = privacy(Numbers::Mask).tags(&tags, &facts());
    let expected = Tags::from([
        ("phone".to_owned(), "3069******01".to_owned()),
        ("to 3069******01".to_owned(), "+44 20 **** **23".to_owned()),
        ("team".to_owned(), "crm".to_owned()),
    ]);
    assert_eq!(masked, Some(expected));
    assert_eq!(privacy(Numbers::Full).tags(&tags, &facts()), None);
}

#[test]
fn words_of_statuses_hold_no_number() {
    let part = PartReport {
        sms_id: SmsId::new("s-1").expect("an id"),
        number: None,
        status: Word::new("Sent to 306900000001"),
        detailed_status: Some(Word::new("+44 20 7946 0123 barred")),
        description: None,
        date: None,
        price: None,
        latency: None,
    };
    let observation = Observation {
        source: Source::Poll,
        observed_at: Timestamp::from_seconds(0),
        facts: facts(),
        parts: vec![part],
    };
    let masked = privacy(Numbers::Mask)
        .observation(&observation)
        .into_owned();
    assert_eq!(masked.parts[0].status.as_str(), "Sent to 3069******01");
    let detail = masked.parts[0].detailed_status.as_ref();
    assert_eq!(detail.map(Word::as_str), Some("+44 20 **** **23 barred"));
    assert!(matches!(
        privacy(Numbers::Full).observation(&observation),
        Cow::Borrowed(_)
    ));
}

#[test]
fn a_text_is_kept_as_far_as_the_settings_say() {
    let kept = |body| with_body(Numbers::Mask, body).body(&facts());
    assert_eq!(kept(BodyText::Omit), None);
    assert_eq!(
        kept(BodyText::Mask).as_deref(),
        Some("Code **** for ************")
    );
    assert_eq!(
        kept(BodyText::Keep).as_deref(),
        Some("Code 4711 for 3069******01")
    );
}

#[test]
fn equal_numbers_have_equal_keys_and_the_key_depends_on_the_secret() {
    let number = PhoneNumber::new("00306900000001");
    let key = privacy(Numbers::Mask).number_key(&number);
    assert_eq!(
        key,
        privacy(Numbers::Full).number_key(&PhoneNumber::new("+306900000001"))
    );
    let other = Privacy::new(PrivacySettings::default(), &Secret::new("another"));
    assert_ne!(key, other.number_key(&number));
    assert!(!format!("{other:?}").contains("another"));
}

#[test]
fn texts_of_one_wording_have_one_key() {
    let key = |text| privacy(Numbers::Mask).text_key(&MessageText::new(text));
    assert_eq!(key("Your code is 4711"), key("Your code is 0815"));
    assert_ne!(key("Your code is 4711"), key("Your pin is 4711"));
}
