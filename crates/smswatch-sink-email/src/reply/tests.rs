//! Replies that relays give, and what they mean.

use super::*;

fn check(step: Step, replies: &[(u16, &str)], meaning: Meaning) {
    for (code, text) in replies {
        assert_eq!(
            Reply::new(*code, text).meaning(step),
            meaning,
            "{code} {text} at {step:?}"
        );
    }
}

#[test]
fn what_comes_before_the_first_recipient_is_for_an_operator_to_mend() {
    let replies = [
        (421, "4.3.2 shutting down"),
        (500, "what?"),
        (
            504,
            "5.5.2 <box>: Helo command rejected: need fully-qualified hostname",
        ),
        (521, "no mail here"),
        (530, "5.7.0 Must issue a STARTTLS command first"),
        (535, "5.7.8 wrong password"),
        (
            550,
            "5.7.60 SMTP; Client does not have permissions to send as this sender",
        ),
        (550, "5.1.1 unknown"),
        (552, "full"),
        (554, "5.7.1 Client host blocked"),
        (554, "no"),
    ];
    for step in [
        Step::Connect,
        Step::StartTls,
        Step::Auth,
        Step::Mail,
        Step::Data,
    ] {
        check(step, &replies, Meaning::Later);
    }
}

#[test]
fn only_what_is_about_a_recipient_refuses_it_for_good() {
    let replies = [
        (
            550,
            "5.1.1 <gone@example.com>: Recipient address rejected: User unknown",
        ),
        (550, "5.1.2 no such domain"),
        (501, "5.1.3 bad address syntax"),
        (550, "5.1.6 moved"),
        (556, "5.1.10 the domain takes no mail"),
        (550, "5.2.1 The mailbox is disabled"),
        (550, "5.1.0 address rejected"),
        (553, "5.6.7 no such characters in addresses"),
        (550, "No such user here"),
        (551, "user not local"),
        (553, "mailbox name not allowed"),
        (556, "the domain takes no mail"),
        (550, ""),
    ];
    check(Step::Rcpt, &replies, Meaning::NoSuchRecipient);
}

#[test]
fn what_is_about_the_relay_the_client_or_the_sender_is_no_fault_of_the_recipient() {
    let replies = [
        (450, "4.2.0 greylisted"),
        (451, "4.7.1 try again later"),
        (452, "4.2.2 over quota"),
        (452, "4.3.1 no room on the disk"),
        (
            504,
            "5.5.2 <box>: Helo command rejected: need fully-qualified hostname",
        ),
        (504, "not implemented"),
        (503, "need MAIL first"),
        (550, "5.7.1 Relaying denied"),
        (554, "5.7.1 <oncall@example.com>: Relay access denied"),
        (550, "5.7.23 SPF validation failed"),
        (
            550,
            "5.1.8 <a@b>: Sender address rejected: Domain not found",
        ),
        (550, "5.1.7 <a@b>: Sender address rejected"),
        (
            550,
            "5.1.0 <a@b>: Sender address rejected: User unknown in local recipient table",
        ),
        (550, "5.4.1 Recipient address rejected: Access denied"),
        (552, "5.2.2 mailbox full"),
        (550, "relay not permitted"),
        (550, "SPF check failed"),
        (550, "blocked by our blocklist"),
        (550, "Sender verify failed"),
        (553, "sorry, that domain isn't allowed to be relayed"),
        (554, "denied"),
        (530, "authentication required"),
        (521, "no mail here"),
    ];
    check(Step::Rcpt, &replies, Meaning::Later);
}

#[test]
fn a_limit_of_recipients_is_known_as_one() {
    let replies = [
        (452, "4.5.3 Too many recipients"),
        (452, "too many"),
        (452, ""),
        (552, "Too many recipients"),
        (550, "5.5.3 too many recipients"),
        (450, "too many recipients received this hour"),
    ];
    check(Step::Rcpt, &replies, Meaning::TooMany);
}

#[test]
fn at_the_end_only_what_is_about_this_mail_is_for_good() {
    let never = [(554, "5.6.0 not this one"), (552, "5.3.4 too big")];
    check(Step::End, &never, Meaning::NotThisMail);
    let later = [
        (451, "4.3.0 later"),
        (452, "4.2.2 over quota"),
        (550, "5.7.1 refused by policy"),
        (550, "5.7.26 DMARC"),
        (552, "5.2.2 mailbox full"),
        (552, "exceeded storage allocation"),
        (550, "no"),
        (554, "transaction failed"),
        (554, "5.5.1 no valid recipients"),
        (500, "?"),
    ];
    check(Step::End, &later, Meaning::Later);
    check(
        Step::End,
        &[
            (550, "5.1.1 no such user"),
            (550, "5.2.1 disabled"),
            (552, "5.2.3 longer than allowed"),
        ],
        Meaning::NoSuchRecipient,
    );
}

#[test]
fn an_enhanced_code_is_read_only_where_it_is_one() {
    for (text, expected) in [
        ("5.1.1 no", Some([5, 1, 1])),
        ("4.7.650 slow", Some([4, 7, 650])),
        ("5.1 no", None),
        ("5.1.1.1 no", None),
        ("7.1.1 no", None),
        ("5.1.1234 no", None),
        ("5.1.x no", None),
        ("", None),
    ] {
        assert_eq!(enhanced(text), expected, "{text}");
    }
}
