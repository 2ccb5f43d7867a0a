//! Images of the programs of Fabric: one for each release that a plugin is for.
//!
//! The user's `image:` sets the one that is named like the container. That is the image of the default release, so for
//! another release it counts only if the user said it.

use chain_plugin_sdk::At;
use chain_plugin_sdk::descriptor::Image;

use crate::Release;

/// The release whose image is named like the container: the default one, or the latest of those that a plugin is for.
fn main_release(series: &[Release]) -> Release {
    let default = Release::V2_5;
    match series.iter().max() {
        Some(latest) if !series.contains(&default) => *latest,
        _ => default,
    }
}

fn reference(repository: &str, release: Release) -> String {
    format!("{repository}:{}", release.tag())
}

fn name(container: &str, release: Release) -> String {
    format!("{container}-{}", release.name())
}

/// Declares the images of `repository` for a plugin that is for `series`: `orderer` for the default release, then
/// `orderer-1.4` and so on.
pub fn images(container: &str, repository: &str, series: &[Release]) -> Vec<Image> {
    let main = main_release(series);
    let others = series.iter().filter(|it| **it != main);
    std::iter::once((container.to_owned(), main))
        .chain(others.map(|release| (name(container, *release), *release)))
        .map(|(name, release)| Image {
            name,
            default: reference(repository, release),
        })
        .collect()
}

/// The image for `release`, given the same words as [`images`].
pub fn image(
    at: &At<'_>,
    container: &str,
    repository: &str,
    series: &[Release],
    release: Release,
) -> String {
    let main = main_release(series);
    let said = at.image(container);
    // A mirror's prefix stands before the default, and the user's word is another word.
    if release == main || !said.ends_with(&reference(repository, main)) {
        return said;
    }
    at.image(&name(container, release))
}

#[cfg(test)]
mod tests {
    use super::*;
    use chain_plugin_sdk::TestHost;
    use serde_json::json;

    const REPOSITORY: &str = "hyperledger/fabric-orderer";

    fn chosen(release: Release, images: &[(&str, &str)]) -> String {
        let call = TestHost::call("orderer/o", "orderer", &json!({}), images);
        let host = TestHost::new();
        image(
            &host.at(&call),
            "orderer",
            REPOSITORY,
            &Release::ALL,
            release,
        )
    }

    #[test]
    fn each_release_has_its_own_and_a_mirror_serves_all() {
        for prefix in ["", "mirror.example/"] {
            let declared: Vec<(String, String)> = images("orderer", REPOSITORY, &Release::ALL)
                .into_iter()
                .map(|it| (it.name, format!("{prefix}{}", it.default)))
                .collect();
            let given: Vec<(&str, &str)> = declared
                .iter()
                .map(|(name, image)| (name.as_str(), image.as_str()))
                .collect();
            for release in Release::ALL {
                let expected = format!("{prefix}{REPOSITORY}:{}", release.tag());
                assert_eq!(chosen(release, &given), expected);
            }
        }
    }

    #[test]
    fn what_the_user_says_is_for_every_release() {
        let given = [("orderer", "own/orderer:7"), ("orderer-1.4", "x:1")];
        assert_eq!(chosen(Release::V1_4, &given), "own/orderer:7");
        assert_eq!(chosen(Release::V2_5, &given), "own/orderer:7");
    }

    #[test]
    fn a_plugin_of_one_release_has_one() {
        let all = images("orderer", REPOSITORY, &[Release::V3_1]);
        assert_eq!(all.len(), 1);
        assert_eq!(all[0].name, "orderer");
        assert_eq!(all[0].default, "hyperledger/fabric-orderer:3.1.5");
    }
}
