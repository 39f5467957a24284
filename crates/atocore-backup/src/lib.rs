//! Recovery points: take, verify, restore; needs paths and a store, never the engine.
