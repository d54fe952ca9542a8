//! Cursors as they leave the process: sealed, so that none but one that was given out reaches a store.

use crate::privacy::Privacy;
use crate::store::{InvalidCursor, Page, PageRequest};

/// The lists that have pages. A cursor of one means nothing to the others.
#[derive(Debug, Clone, Copy)]
pub(crate) enum List {
    Watches,
    Events,
    Deliveries,
    Silences,
    Followed,
    Campaigns,
    SetAside,
}

impl List {
    fn name(self) -> &'static str {
        match self {
            Self::Watches => "watches",
            Self::Events => "events",
            Self::Deliveries => "deliveries",
            Self::Silences => "silences",
            Self::Followed => "followed",
            Self::Campaigns => "campaigns",
            Self::SetAside => "set-aside",
        }
    }
}

/// What sets the seal apart from what it seals.
const MARK: char = '.';

/// The request with the cursor as the list's maker gave it out.
pub(crate) fn unseal(
    privacy: &Privacy,
    list: List,
    page: &PageRequest,
) -> Result<PageRequest, InvalidCursor> {
    let cursor = page.cursor.as_deref().map(|sealed| {
        let (seal, cursor) = sealed.split_once(MARK).ok_or(InvalidCursor)?;
        let is_ours = seal == privacy.seal(list.name(), cursor);
        is_ours.then(|| cursor.to_owned()).ok_or(InvalidCursor)
    });
    Ok(PageRequest {
        cursor: cursor.transpose()?,
        limit: page.limit,
    })
}

/// A cursor, sealed.
pub(crate) fn seal_cursor(privacy: &Privacy, list: List, cursor: &str) -> String {
    let seal = privacy.seal(list.name(), cursor);
    format!("{seal}{MARK}{cursor}")
}

/// The page with its cursor sealed.
pub(crate) fn seal<T>(privacy: &Privacy, list: List, page: Page<T>) -> Page<T> {
    let next = page.next.map(|cursor| seal_cursor(privacy, list, &cursor));
    Page {
        items: page.items,
        next,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::Secret;
    use crate::settings::{BodyText, Numbers, PrivacySettings};

    fn privacy(secret: &str) -> Privacy {
        let settings = PrivacySettings {
            numbers: Numbers::Mask,
            body: BodyText::Omit,
        };
        Privacy::new(settings, &Secret::new(secret))
    }

    fn unsealed(privacy: &Privacy, list: List, cursor: &str) -> Result<String, InvalidCursor> {
        let page = PageRequest {
            cursor: Some(cursor.to_owned()),
            limit: 7,
        };
        let page = unseal(privacy, list, &page)?;
        assert_eq!(page.limit, 7);
        Ok(page.cursor.expect("it had one"))
    }

    proptest! {
        #[test]
        fn only_a_cursor_that_was_given_out_for_this_list_is_taken(
            cursor in "\\PC{0,40}", other in "\\PC{0,40}",
        ) {
            let ours = privacy("secret");
            let page = Page { items: vec![1], next: Some(cursor.clone()) };
            let sealed = seal(&ours, List::Events, page).next.expect("it has one");
            prop_assert_eq!(unsealed(&ours, List::Events, &sealed), Ok(cursor.clone()));
            prop_assert!(unsealed(&ours, List::Watches, &sealed).is_err());
            prop_assert!(unsealed(&privacy("another"), List::Events, &sealed).is_err());
            prop_assert!(unsealed(&ours, List::Events, &cursor).is_err());
            prop_assert!(unsealed(&ours, List::Events, &other).is_err());
            prop_assert!(unsealed(&ours, List::Events, &(sealed + "0")).is_err());
        }
    }

    #[test]
    fn the_first_page_has_no_cursor() {
        let page = PageRequest {
            cursor: None,
            limit: 3,
        };
        assert_eq!(unseal(&privacy("x"), List::Watches, &page), Ok(page));
    }
}
