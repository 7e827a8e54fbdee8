//! Every promise of the gateway, held against the real Envoy. One module for each subject.

mod smoke;
