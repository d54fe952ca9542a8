//! How much one step of a store carries.

/// How many bytes one step hands to a store at most. Redis must receive it before its reply times out: over a link of
/// 100 kB a second that leaves a second or two to spare. A larger item is a step of its own.
pub const MAX_STEP_BYTES: usize = 256 * 1024;

/// Splits what is to be done into steps of at most `most` bytes each, in the same order; one item that
/// is larger is a step of its own.
#[must_use]
pub fn split<T>(
    items: impl IntoIterator<Item = T>,
    bytes: impl Fn(&T) -> usize,
    most: usize,
) -> Vec<Vec<T>> {
    let mut steps: Vec<Vec<T>> = Vec::new();
    let mut room = 0;
    for item in items {
        let size = bytes(&item);
        match steps.last_mut() {
            Some(step) if size <= room => {
                room -= size;
                step.push(item);
            }
            _ => {
                room = most.saturating_sub(size);
                steps.push(vec![item]);
            }
        }
    }
    steps
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn every_item_is_in_one_step_in_its_order_and_no_step_is_too_large(
            sizes in proptest::collection::vec(1..2000_usize, 0..200),
            most in 1..3000_usize,
        ) {
            let steps = split(sizes.clone(), |size| *size, most);
            prop_assert_eq!(steps.concat(), sizes);
            for step in &steps {
                prop_assert!(!step.is_empty());
                prop_assert!(step.len() == 1 || step.iter().sum::<usize>() <= most);
            }
            for pair in steps.windows(2) {
                prop_assert!(pair[0].iter().sum::<usize>() + pair[1][0] > most, "it would have fit");
            }
        }
    }
}
