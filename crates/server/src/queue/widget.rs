//! How a queue's chat looks on the company's page, and what it asks a visitor for.

use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa::openapi::schema::{ObjectBuilder, Schema, Type};

use super::given::{closed, texts_of};
use super::settings::Texts;
use crate::http::params::{Members, Named, Node, Param, integer};
use crate::http::{Code, Fault};

const OFFSET_MAX: u16 = 500;
const TITLE_MAX: usize = 100;
const TEXT_MAX: usize = 1_000;

/// The side of the page that the bubble is on.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Side {
    Left,
    #[default]
    Right,
}

impl Named for Side {
    const ALL: &[Self] = &[Self::Left, Self::Right];

    fn name(self) -> &'static str {
        match self {
            Self::Left => "left",
            Self::Right => "right",
        }
    }
}

/// Whether a visitor is asked for something before a conversation is opened.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Asks {
    No,
    #[default]
    Optional,
    /// Nothing is opened without it.
    Required,
}

impl Named for Asks {
    const ALL: &[Self] = &[Self::No, Self::Optional, Self::Required];

    fn name(self) -> &'static str {
        match self {
            Self::No => "no",
            Self::Optional => "optional",
            Self::Required => "required",
        }
    }
}

/// The widget. Texts that are empty are those of the page itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(default)]
pub struct Widget {
    /// `#rrggbb`, in lower case.
    pub color: String,
    pub side: Side,
    /// From that side.
    pub offset_x_pixels: u16,
    /// From the bottom.
    pub offset_y_pixels: u16,
    /// No bubble: the company's page opens the chat by itself.
    pub is_launcher_hidden: bool,
    pub asks_name: Asks,
    pub asks_email: Asks,
    pub title: Texts,
    /// Said before the conversation.
    pub greeting: Texts,
    /// Added to what the page says outside working hours, and when nobody is on duty.
    pub away: Texts,
}

impl Default for Widget {
    fn default() -> Self {
        Self {
            color: "#1f5fd6".to_owned(),
            side: Side::Right,
            offset_x_pixels: 20,
            offset_y_pixels: 20,
            is_launcher_hidden: false,
            asks_name: Asks::Optional,
            asks_email: Asks::Optional,
            title: Texts::default(),
            greeting: Texts::default(),
            away: Texts::default(),
        }
    }
}

/// The widget, for pages.
#[derive(Debug, Serialize, ToSchema)]
pub struct WidgetShown {
    #[serde(flatten)]
    widget: Widget,
    /// What is written in on `color`: `#ffffff` or `#000000`.
    ink: &'static str,
}

impl From<Widget> for WidgetShown {
    fn from(widget: Widget) -> Self {
        Self { ink: ink(&widget.color), widget }
    }
}

/// White or black, whichever is easier to read on a color. The worse of the two may be out of reach, the better one never has
/// less than 4.58 : 1, the root of 21.
pub fn ink(color: &str) -> &'static str {
    // Contrast is (lighter + 0.05) : (darker + 0.05), where white is 1 and black 0.
    let light = luminance(color) + 0.05;
    if 1.05 / light >= light / 0.05 { "#ffffff" } else { "#000000" }
}

/// Relative luminance, as WCAG 2.2 defines it.
pub fn luminance(color: &str) -> f64 {
    let part = |at: usize| {
        let byte = color.get(at..at + 2).and_then(|hex| u8::from_str_radix(hex, 16).ok());
        let part = f64::from(byte.unwrap_or_default()) / 255.0;
        if part <= 0.040_45 { part / 12.92 } else { ((part + 0.055) / 1.055).powf(2.4) }
    };
    0.2126 * part(1) + 0.7152 * part(3) + 0.0722 * part(5)
}

fn is_color(text: &str) -> bool {
    let hex = text.strip_prefix('#');
    hex.is_some_and(|hex| hex.len() == 6 && hex.bytes().all(|byte| byte.is_ascii_hexdigit()))
}

impl Param for Widget {
    fn describe(_: bool) -> ObjectBuilder {
        ObjectBuilder::new()
    }

    fn schema(_: bool, about: Option<&str>, example: Option<serde_json::Value>) -> Schema {
        let text = || ObjectBuilder::new().schema_type(Type::String);
        let offset = || {
            let integer = ObjectBuilder::new().schema_type(Type::Integer);
            integer.minimum(Some(0)).maximum(Some(i64::from(OFFSET_MAX)))
        };
        let asks = || text().enum_values(Some(Asks::ALL.iter().map(|one| one.name())));
        let line = || text().max_length(Some(TITLE_MAX)).pattern(Some(LINE));
        closed()
            .description(about)
            .examples(example)
            .property("color", text().pattern(Some("^#[0-9a-fA-F]{6}$")))
            .property("side", text().enum_values(Some(Side::ALL.iter().map(|one| one.name()))))
            .property("offset_x_pixels", offset())
            .property("offset_y_pixels", offset())
            .property("is_launcher_hidden", ObjectBuilder::new().schema_type(Type::Boolean))
            .property("asks_name", asks())
            .property("asks_email", asks())
            .property("title", closed().property("pl", line()).property("en", line()))
            .property("greeting", Texts::described(TEXT_MAX))
            .property("away", Texts::described(TEXT_MAX))
            .into()
    }

    fn read(name: &'static str, node: Option<Node>, _: &TimeZone) -> Result<Self, Fault> {
        let mut map = Members::of(name, node, &MEMBERS)?;
        let shipped = Self::default();
        Ok(Self {
            color: color(&mut map)?.unwrap_or(shipped.color),
            side: one_of(&mut map, "side")?,
            offset_x_pixels: offset(&mut map, "offset_x_pixels", shipped.offset_x_pixels)?,
            offset_y_pixels: offset(&mut map, "offset_y_pixels", shipped.offset_y_pixels)?,
            is_launcher_hidden: map.flag("is_launcher_hidden")?,
            asks_name: one_of(&mut map, "asks_name")?,
            asks_email: one_of(&mut map, "asks_email")?,
            title: title(&mut map)?,
            greeting: texts_of(&mut map, "greeting", TEXT_MAX)?,
            away: texts_of(&mut map, "away", TEXT_MAX)?,
        })
    }
}

const MEMBERS: [&str; 10] = [
    "color",
    "side",
    "offset_x_pixels",
    "offset_y_pixels",
    "is_launcher_hidden",
    "asks_name",
    "asks_email",
    "title",
    "greeting",
    "away",
];

/// Without control characters.
const LINE: &str = r"^[^\u0000-\u001F\u007F-\u009F]*$";

fn color(map: &mut Members) -> Result<Option<String>, Fault> {
    let given = map.text("color", 64)?.trim().to_ascii_lowercase();
    match given.as_str() {
        "" => Ok(None),
        color if is_color(color) => Ok(Some(given)),
        _ => Err(Fault::of(Code::NotColor, &map.path("color"))),
    }
}

fn one_of<T: Named + Default>(map: &mut Members, name: &str) -> Result<T, Fault> {
    let given = map.text(name, 64)?;
    let wrong = || Fault::of(Code::NotOneOf, &map.path(name)).with("values", T::names());
    if given.is_empty() { Ok(T::default()) } else { T::from_name(given.trim()).ok_or_else(wrong) }
}

fn offset(map: &mut Members, name: &str, shipped: u16) -> Result<u16, Fault> {
    let given = map.text(name, 64)?;
    if given.trim().is_empty() {
        return Ok(shipped);
    }
    let pixels = integer(&given).and_then(|it| u16::try_from(it).ok());
    let wrong =
        || Fault::of(Code::NotWithin, &map.path(name)).with("least", 0).with("most", OFFSET_MAX);
    pixels.filter(|it| *it <= OFFSET_MAX).ok_or_else(wrong)
}

fn title(map: &mut Members) -> Result<Texts, Fault> {
    let title = texts_of(map, "title", TITLE_MAX)?;
    for (language, text) in [("pl", &title.pl), ("en", &title.en)] {
        if text.chars().any(char::is_control) {
            let place = format!("{}[{language}]", map.path("title"));
            return Err(Fault::of(Code::ControlCharacter, &place));
        }
    }
    Ok(title)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn contrast(one: &str, other: &str) -> f64 {
        let (one, other) = (luminance(one) + 0.05, luminance(other) + 0.05);
        one.max(other) / one.min(other)
    }

    proptest::proptest! {
        #[test]
        fn ink_can_be_read_on_every_color(color in 0..=0x00ff_ffff_u32) {
            let color = format!("#{color:06x}");
            let ink = ink(&color);
            proptest::prop_assert!(contrast(&color, ink) >= 4.5, "{} on {}", ink, color);
            for other in ["#ffffff", "#000000"] {
                proptest::prop_assert!(contrast(&color, ink) >= contrast(&color, other));
            }
        }
    }

    #[test]
    fn contrast_is_that_of_the_guidelines() {
        assert_eq!((ink("#000000"), ink("#ffffff")), ("#ffffff", "#000000"));
        // Grays around the one on which both can be read equally well.
        assert_eq!((ink("#757575"), ink("#767676")), ("#ffffff", "#000000"));
        assert_eq!(ink(&Widget::default().color), "#ffffff");
        let rounded = |color: &str| (contrast(color, "#ffffff") * 100.0).round();
        assert!((rounded("#000000") - 2_100.0).abs() < f64::EPSILON);
        assert!((rounded("#777777") - 448.0).abs() < f64::EPSILON);
    }
}
