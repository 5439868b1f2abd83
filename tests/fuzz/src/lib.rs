//! What the fuzz targets share: a route, its tokens, and facts for a program.

pub mod facts;
pub mod glob;
pub mod guest;
pub mod image;
pub mod input;
pub mod reader;
pub mod route;
