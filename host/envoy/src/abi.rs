//! Envoy's dynamic-module ABI, `v0.2.0` of Envoy 1.40: what Envoy calls here,
//! what is called there, and nothing else. All `unsafe` of the module is in this
//! file.
//!
//! The contract is Envoy's `source/extensions/dynamic_modules/abi/abi.h`, cited
//! below as `abi.h`. What of it everything here relies on:
//!
//! - Envoy calls a filter's hooks on that filter's worker, one at a time, though
//!   it may call one from inside another: a local reply ends the stream, and the
//!   filter is destroyed before the call that sent it returns. A filter is
//!   therefore shared, never borrowed mutably, and each hook holds it.
//! - Envoy's filter is there until `…_on_http_filter_destroy` returns.
//! - A buffer of Envoy's holds until the hook ends or a setter is called; a buffer
//!   of the module's is copied before the call returns.

#![expect(unsafe_code, reason = "the ABI is one of C")]

use std::ffi::{c_char, c_void};
use std::marker::PhantomData;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::ptr::{self, NonNull};
use std::slice;
use std::sync::{Arc, Mutex, PoisonError};

use crate::filter::{Filter, Flow, Settings};

/// The ABI that the declarations below are of, as `…_on_program_init` says it.
const VERSION: &std::ffi::CStr = c"v0.2.0";

/// `envoy_dynamic_module_type_http_header_type_RequestHeader`.
const REQUEST_HEADER: u32 = 0;

/// `envoy_dynamic_module_type_attribute_id_ConnectionSha256PeerCertificateDigest`.
const PEER_CERTIFICATE_DIGEST: u32 = 38;

/// `envoy_dynamic_module_type_on_http_filter_request_headers_status`.
#[repr(u32)]
enum HeadersStatus {
    StopIteration = 1,
    /// Nothing more of the request arrives until decoding goes on, and the
    /// caller is held back once Envoy's buffer is full.
    StopAllIterationAndWatermark = 4,
}

/// `envoy_dynamic_module_type_on_http_filter_request_body_status`.
#[repr(u32)]
enum BodyStatus {
    Continue = 0,
    StopIterationAndWatermark = 2,
}

/// `envoy_dynamic_module_type_on_http_filter_request_trailers_status`.
#[repr(u32)]
enum TrailersStatus {
    Continue = 0,
    StopIteration = 1,
}

/// Of `…_response_headers_status`, `…_response_body_status`,
/// `…_response_trailers_status` and `…_local_reply_status`: go on.
const CONTINUE: u32 = 0;

/// `envoy_dynamic_module_type_envoy_buffer`: bytes of Envoy's.
#[repr(C)]
#[derive(Clone, Copy)]
struct EnvoyBuffer {
    start: *const c_char,
    length: usize,
}

/// `envoy_dynamic_module_type_module_buffer`: bytes of the module's.
#[repr(C)]
#[derive(Clone, Copy)]
struct ModuleBuffer {
    start: *const c_char,
    length: usize,
}

/// `envoy_dynamic_module_type_envoy_http_header`.
#[repr(C)]
#[derive(Clone, Copy)]
struct EnvoyHeader {
    name: EnvoyBuffer,
    value: EnvoyBuffer,
}

/// `envoy_dynamic_module_type_module_http_header`.
#[repr(C)]
struct ModuleHeader {
    name: ModuleBuffer,
    value: ModuleBuffer,
}

impl EnvoyBuffer {
    const EMPTY: Self = Self {
        start: ptr::null(),
        length: 0,
    };

    /// The bytes.
    ///
    /// # Safety
    /// Envoy wrote this buffer, and its bytes hold for `'a`.
    unsafe fn bytes<'a>(self) -> &'a [u8] {
        if self.start.is_null() {
            return &[];
        }
        // SAFETY: a buffer that is not null points to `length` bytes (`abi.h`,
        // `envoy_dynamic_module_type_envoy_buffer`), which the caller says hold
        // for `'a`.
        unsafe { slice::from_raw_parts(self.start.cast(), self.length) }
    }
}

impl ModuleBuffer {
    /// Instead of a value: no value.
    const NONE: Self = Self {
        start: ptr::null(),
        length: 0,
    };
}

impl From<&[u8]> for ModuleBuffer {
    fn from(bytes: &[u8]) -> Self {
        Self {
            start: bytes.as_ptr().cast(),
            length: bytes.len(),
        }
    }
}

impl From<&str> for ModuleBuffer {
    fn from(text: &str) -> Self {
        text.as_bytes().into()
    }
}

// Envoy exports these from its executable (`abi.h`, "HTTP Filter Callbacks" and
// "Common Callbacks").
unsafe extern "C" {
    fn envoy_dynamic_module_callback_log(level: u32, message: ModuleBuffer);
    fn envoy_dynamic_module_callback_log_enabled(level: u32) -> bool;
    fn envoy_dynamic_module_callback_is_validation_mode() -> bool;
    fn envoy_dynamic_module_callback_http_get_headers_size(filter: *mut c_void, kind: u32)
    -> usize;
    fn envoy_dynamic_module_callback_http_get_headers(
        filter: *mut c_void,
        kind: u32,
        headers: *mut EnvoyHeader,
    ) -> bool;
    fn envoy_dynamic_module_callback_http_set_header(
        filter: *mut c_void,
        kind: u32,
        name: ModuleBuffer,
        value: ModuleBuffer,
    ) -> bool;
    fn envoy_dynamic_module_callback_http_set_dynamic_metadata_struct(
        filter: *mut c_void,
        namespace: ModuleBuffer,
        value: ModuleBuffer,
    );
    fn envoy_dynamic_module_callback_http_filter_get_attribute_string(
        filter: *mut c_void,
        attribute: u32,
        value: *mut EnvoyBuffer,
    ) -> bool;
    fn envoy_dynamic_module_callback_http_clear_route_cache(filter: *mut c_void);
    fn envoy_dynamic_module_callback_http_send_response(
        filter: *mut c_void,
        status: u32,
        headers: *const ModuleHeader,
        headers_size: usize,
        body: ModuleBuffer,
        details: ModuleBuffer,
    );
    fn envoy_dynamic_module_callback_http_filter_continue_decoding(filter: *mut c_void);
    fn envoy_dynamic_module_callback_http_filter_scheduler_new(filter: *mut c_void) -> *mut c_void;
    fn envoy_dynamic_module_callback_http_filter_scheduler_commit(
        scheduler: *mut c_void,
        event: u64,
    );
    fn envoy_dynamic_module_callback_http_filter_scheduler_delete(scheduler: *mut c_void);
}

/// How much a line of the log matters, as Envoy counts it
/// (`envoy_dynamic_module_type_log_level`).
#[derive(Clone, Copy)]
pub(crate) enum Level {
    /// What any caller can cause, as often as it likes.
    Debug = 1,
    /// What became of a token.
    Info = 2,
    /// What may need an operator.
    Warning = 3,
    /// What an operator has to look at.
    Error = 4,
}

/// Writes a line to Envoy's log, from any thread.
pub(crate) fn log(level: Level, line: &str) {
    // SAFETY: the level is one of the enumeration, and Envoy copies the line.
    unsafe { envoy_dynamic_module_callback_log(level as u32, line.into()) }
}

/// Whether Envoy writes lines of this level, asked from any thread.
pub(crate) fn is_logged(level: Level) -> bool {
    // SAFETY: the level is one of the enumeration.
    unsafe { envoy_dynamic_module_callback_log_enabled(level as u32) }
}

/// Whether Envoy looks at its configuration and serves nothing, asked on its
/// main thread: that of a filter's configuration.
fn is_validating() -> bool {
    // SAFETY: it takes nothing; on any other thread it says `false`.
    unsafe { envoy_dynamic_module_callback_is_validation_mode() }
}

/// A request in Envoy's hands, for as long as a hook runs. It stays on its
/// worker: it is not `Send`.
pub(crate) struct Request<'hook> {
    filter: NonNull<c_void>,
    hook: PhantomData<&'hook mut c_void>,
}

impl Request<'_> {
    /// The request's headers in order, with those that begin with a colon. Names
    /// are in lower case; neither names nor values need be UTF-8.
    pub(crate) fn headers(&self) -> Vec<(&[u8], &[u8])> {
        let filter = self.filter.as_ptr();
        // SAFETY: Envoy's filter is there while its hook runs.
        let size =
            unsafe { envoy_dynamic_module_callback_http_get_headers_size(filter, REQUEST_HEADER) };
        let empty = EnvoyHeader {
            name: EnvoyBuffer::EMPTY,
            value: EnvoyBuffer::EMPTY,
        };
        let mut headers = vec![empty; size];
        // SAFETY: as above; there is room for as many as Envoy just said, and
        // nothing has changed them since on this worker.
        let is_filled = unsafe {
            envoy_dynamic_module_callback_http_get_headers(
                filter,
                REQUEST_HEADER,
                headers.as_mut_ptr(),
            )
        };
        if !is_filled {
            return Vec::new();
        }
        let bytes = |header: EnvoyHeader| {
            // SAFETY: Envoy wrote it, and it holds until a setter is called,
            // which needs `self` mutably.
            let name = unsafe { header.name.bytes() };
            // SAFETY: as above.
            let value = unsafe { header.value.bytes() };
            (name, value)
        };
        headers.into_iter().map(bytes).collect()
    }

    /// The SHA-256 of the certificate (DER) that the caller showed on its
    /// connection, in hexadecimal; none on a connection without one.
    pub(crate) fn peer_certificate(&self) -> Option<&[u8]> {
        let mut value = EnvoyBuffer::EMPTY;
        // SAFETY: Envoy's filter is there while its hook runs, and writes one
        // buffer.
        let is_there = unsafe {
            envoy_dynamic_module_callback_http_filter_get_attribute_string(
                self.filter.as_ptr(),
                PEER_CERTIFICATE_DIGEST,
                &raw mut value,
            )
        };
        // SAFETY: Envoy wrote it, and it is of the connection's.
        let digest = unsafe { value.bytes() };
        (is_there && !digest.is_empty()).then_some(digest)
    }

    /// Sets a header in place of all of its name; `false` where it can't be one.
    #[must_use]
    pub(crate) fn set_header(&mut self, name: &str, value: &str) -> bool {
        // Envoy takes what it is given; whatever ends a line is kept out here
        // (RFC 9110 §5.5).
        let is_name = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
        let is_value = |byte: u8| matches!(byte, b' '..=b'~');
        if name.is_empty() || !name.bytes().all(is_name) || !value.bytes().all(is_value) {
            return false;
        }
        // SAFETY: Envoy's filter is there while its hook runs, and copies both.
        unsafe {
            envoy_dynamic_module_callback_http_set_header(
                self.filter.as_ptr(),
                REQUEST_HEADER,
                name.into(),
                value.into(),
            )
        }
    }

    /// Removes all headers of a name.
    #[must_use]
    pub(crate) fn remove_header(&mut self, name: &[u8]) -> bool {
        // SAFETY: Envoy's filter is there while its hook runs; a null value
        // removes (`abi.h`, `…_http_set_header`).
        unsafe {
            envoy_dynamic_module_callback_http_set_header(
                self.filter.as_ptr(),
                REQUEST_HEADER,
                name.into(),
                ModuleBuffer::NONE,
            )
        }
    }

    /// Has Envoy choose the route again, by the headers as they are now.
    pub(crate) fn forget_route(&mut self) {
        // SAFETY: Envoy's filter is there while its hook runs.
        unsafe { envoy_dynamic_module_callback_http_clear_route_cache(self.filter.as_ptr()) }
    }

    /// Sets all dynamic metadata of a namespace, for access logs and later
    /// filters: the bytes of a `google.protobuf.Struct`.
    pub(crate) fn set_metadata(&mut self, namespace: &str, fields: &[u8]) {
        // SAFETY: Envoy's filter is there while its hook runs, and parses what
        // it keeps of the bytes, whatever they are.
        unsafe {
            envoy_dynamic_module_callback_http_set_dynamic_metadata_struct(
                self.filter.as_ptr(),
                namespace.into(),
                fields.into(),
            );
        }
    }

    /// What wakes this request's filter from another thread; none where Envoy
    /// makes none.
    pub(crate) fn waker(&self) -> Option<Waker> {
        // SAFETY: Envoy's filter is there while its hook runs.
        let scheduler = unsafe {
            envoy_dynamic_module_callback_http_filter_scheduler_new(self.filter.as_ptr())
        };
        NonNull::new(scheduler).map(|scheduler| Waker(Mutex::new(Some(Scheduler(scheduler)))))
    }

    /// Lets the request go on. Envoy may end it before this returns.
    pub(crate) fn proceed(self) {
        // SAFETY: Envoy's filter is there while its hook runs, and is not used
        // here any more.
        unsafe {
            envoy_dynamic_module_callback_http_filter_continue_decoding(self.filter.as_ptr());
        }
    }

    /// Answers the request in Envoy's place. Envoy may end it before this
    /// returns. `details` is for access logs.
    pub(crate) fn answer(self, status: u16, headers: &[(&str, &str)], body: &str, details: &str) {
        let header = |(name, value): &(&str, &str)| ModuleHeader {
            name: (*name).into(),
            value: (*value).into(),
        };
        let headers: Vec<_> = headers.iter().map(header).collect();
        // SAFETY: Envoy's filter is there while its hook runs, and is not used
        // here any more; Envoy copies all that it is given.
        unsafe {
            envoy_dynamic_module_callback_http_send_response(
                self.filter.as_ptr(),
                status.into(),
                headers.as_ptr(),
                headers.len(),
                body.into(),
                details.into(),
            );
        }
    }
}

/// Wakes a filter on its own worker, from any thread, for as long as the filter
/// is there.
pub(crate) struct Waker(Mutex<Option<Scheduler>>);

impl Waker {
    /// Has Envoy call the filter's hook for events, once, unless this was
    /// [closed](Self::close).
    pub(crate) fn wake(&self) {
        // INVARIANT: the lock is held over the call, so that whoever closes this
        // waits: Envoy's filter, and the dispatcher of its worker, outlive it.
        let scheduler = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(Scheduler(scheduler)) = &*scheduler {
            // SAFETY: it is not deleted yet, and may be used from any thread
            // (`abi.h`, `…_http_filter_scheduler_commit`).
            unsafe {
                envoy_dynamic_module_callback_http_filter_scheduler_commit(scheduler.as_ptr(), 0);
            }
        }
    }

    /// Wakes nobody from here on.
    pub(crate) fn close(&self) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take();
    }
}

/// Envoy's scheduler of one filter, which the module deletes.
struct Scheduler(NonNull<c_void>);

// SAFETY: Envoy makes it to be used from other threads (`abi.h`,
// `envoy_dynamic_module_type_http_filter_scheduler_module_ptr`); a `Waker` lets
// one at a time.
unsafe impl Send for Scheduler {}

impl Drop for Scheduler {
    fn drop(&mut self) {
        // SAFETY: Envoy made it, and it is deleted once, here.
        unsafe { envoy_dynamic_module_callback_http_filter_scheduler_delete(self.0.as_ptr()) }
    }
}

/// Runs a hook; a panic ends here and not in Envoy's frames.
fn guarded<T>(instead: T, hook: impl FnOnce() -> T) -> T {
    catch_unwind(AssertUnwindSafe(hook)).unwrap_or_else(|panic| {
        // What a panic carries may panic itself when it is dropped.
        std::mem::forget(panic);
        log(Level::Error, "claimbound: a hook panicked");
        instead
    })
}

/// Runs a hook of a filter, with its request.
///
/// # Safety
/// `filter` is what [`envoy_dynamic_module_on_http_filter_new`] gave, and not
/// destroyed; `envoy` is its filter in Envoy, and its hook is running.
unsafe fn with<T>(
    envoy: *mut c_void,
    filter: *const c_void,
    instead: T,
    hook: impl FnOnce(&Arc<Filter>, Request<'_>) -> T,
) -> T {
    let (Some(envoy), false) = (NonNull::new(envoy), filter.is_null()) else {
        return instead;
    };
    let filter: *const Filter = filter.cast();
    // SAFETY: it is one that `Arc::into_raw` gave, and Envoy still holds it.
    unsafe { Arc::increment_strong_count(filter) };
    // SAFETY: the count that was just added is this hook's own: Envoy may destroy
    // the filter while the hook runs.
    let filter = unsafe { Arc::from_raw(filter) };
    let request = Request {
        filter: envoy,
        hook: PhantomData,
    };
    guarded(instead, || hook(&filter, request))
}

#[unsafe(no_mangle)]
extern "C" fn envoy_dynamic_module_on_program_init() -> *const c_char {
    VERSION.as_ptr()
}

#[unsafe(no_mangle)]
unsafe extern "C" fn envoy_dynamic_module_on_http_filter_config_new(
    _config: *mut c_void,
    _name: EnvoyBuffer,
    settings: EnvoyBuffer,
) -> *const c_void {
    // SAFETY: the text holds until this hook ends.
    let settings: &[u8] = unsafe { settings.bytes() };
    guarded(ptr::null(), || {
        match Settings::read(settings, is_validating()) {
            Ok(settings) => Arc::into_raw(Arc::new(settings)).cast(),
            Err(fault) => {
                log(Level::Error, &format!("claimbound: {fault}"));
                ptr::null()
            }
        }
    })
}

#[unsafe(no_mangle)]
unsafe extern "C" fn envoy_dynamic_module_on_http_filter_config_destroy(settings: *const c_void) {
    if !settings.is_null() {
        // SAFETY: `…_config_new` made it, and Envoy destroys it once.
        let settings = unsafe { Arc::from_raw(settings.cast::<Settings>()) };
        guarded((), || drop(settings));
    }
}

/// There is nothing to say for one route alone: null refuses it.
#[unsafe(no_mangle)]
extern "C" fn envoy_dynamic_module_on_http_filter_per_route_config_new(
    _name: EnvoyBuffer,
    _settings: EnvoyBuffer,
) -> *const c_void {
    log(
        Level::Error,
        "claimbound: settings for one route are not taken; a listener's filter names its route",
    );
    ptr::null()
}

#[unsafe(no_mangle)]
extern "C" fn envoy_dynamic_module_on_http_filter_per_route_config_destroy(
    _settings: *const c_void,
) {
}

#[unsafe(no_mangle)]
unsafe extern "C" fn envoy_dynamic_module_on_http_filter_new(
    settings: *const c_void,
    _envoy: *mut c_void,
) -> *const c_void {
    if settings.is_null() {
        return ptr::null();
    }
    let settings: *const Settings = settings.cast();
    // SAFETY: `…_config_new` made it, and Envoy's filter holds its configuration.
    unsafe { Arc::increment_strong_count(settings) };
    // SAFETY: the count that was just added.
    let settings = unsafe { Arc::from_raw(settings) };
    guarded(ptr::null(), || {
        Arc::into_raw(Arc::new(Filter::new(settings))).cast()
    })
}

#[unsafe(no_mangle)]
unsafe extern "C" fn envoy_dynamic_module_on_http_filter_destroy(filter: *const c_void) {
    if !filter.is_null() {
        // SAFETY: `…_filter_new` made it, and Envoy destroys it once.
        let filter = unsafe { Arc::from_raw(filter.cast::<Filter>()) };
        guarded((), || filter.leave());
    }
}

#[unsafe(no_mangle)]
unsafe extern "C" fn envoy_dynamic_module_on_http_filter_request_headers(
    envoy: *mut c_void,
    filter: *const c_void,
    _end_of_stream: bool,
) -> HeadersStatus {
    // SAFETY: Envoy calls this hook with a filter and its own.
    let flow = unsafe {
        with(envoy, filter, None, |filter, request| {
            Some(filter.arrive(request))
        })
    };
    match flow {
        Some(Flow::Wait) => HeadersStatus::StopAllIterationAndWatermark,
        Some(Flow::Answered) => HeadersStatus::StopIteration,
        None => {
            // SAFETY: the hook is this one, and has not answered.
            unsafe { fail(envoy) };
            HeadersStatus::StopIteration
        }
    }
}

/// Answers a request whose hook panicked, and so gave no answer.
///
/// # Safety
/// `envoy` is a filter of Envoy's whose hook is running. It is there if the hook
/// has not answered; a hook does nothing that could panic once it has.
unsafe fn fail(envoy: *mut c_void) {
    if let Some(filter) = NonNull::new(envoy) {
        let request = Request {
            filter,
            hook: PhantomData,
        };
        request.answer(503, &[], "", "claimbound_panic");
    }
}

/// Whether a filter still waits for its answer: what else of the request arrives
/// waits with it.
///
/// # Safety
/// As [`with`].
unsafe fn waits(envoy: *mut c_void, filter: *const c_void) -> bool {
    // SAFETY: the caller's.
    unsafe { with(envoy, filter, true, |filter, _| filter.waits()) }
}

#[unsafe(no_mangle)]
unsafe extern "C" fn envoy_dynamic_module_on_http_filter_request_body(
    envoy: *mut c_void,
    filter: *const c_void,
    _end_of_stream: bool,
) -> BodyStatus {
    // SAFETY: Envoy calls this hook with a filter and its own.
    if unsafe { waits(envoy, filter) } {
        BodyStatus::StopIterationAndWatermark
    } else {
        BodyStatus::Continue
    }
}

#[unsafe(no_mangle)]
unsafe extern "C" fn envoy_dynamic_module_on_http_filter_request_trailers(
    envoy: *mut c_void,
    filter: *const c_void,
) -> TrailersStatus {
    // SAFETY: Envoy calls this hook with a filter and its own.
    if unsafe { waits(envoy, filter) } {
        TrailersStatus::StopIteration
    } else {
        TrailersStatus::Continue
    }
}

#[unsafe(no_mangle)]
unsafe extern "C" fn envoy_dynamic_module_on_http_filter_scheduled(
    envoy: *mut c_void,
    filter: *const c_void,
    _event: u64,
) {
    // SAFETY: Envoy calls this hook with a filter and its own, on its worker.
    let is_done = unsafe {
        with(envoy, filter, false, |filter, request| {
            filter.wake(request);
            true
        })
    };
    if !is_done {
        // SAFETY: the hook is this one, and has not answered.
        unsafe { fail(envoy) };
    }
}

#[unsafe(no_mangle)]
unsafe extern "C" fn envoy_dynamic_module_on_http_filter_local_reply(
    envoy: *mut c_void,
    filter: *const c_void,
    _status: u32,
    _details: EnvoyBuffer,
    _reset_imminent: bool,
) -> u32 {
    // SAFETY: Envoy calls this hook with a filter and its own.
    unsafe { with(envoy, filter, (), |filter, _| filter.leave()) };
    CONTINUE
}

#[unsafe(no_mangle)]
unsafe extern "C" fn envoy_dynamic_module_on_http_filter_stream_complete(
    envoy: *mut c_void,
    filter: *const c_void,
) {
    // SAFETY: Envoy calls this hook with a filter and its own.
    unsafe { with(envoy, filter, (), |filter, _| filter.leave()) };
}

/// Hooks that Envoy looks up and this module has no use for. What they are given
/// is not looked at.
mod unused {
    use super::{CONTINUE, c_void};

    #[unsafe(no_mangle)]
    extern "C" fn envoy_dynamic_module_on_http_filter_response_headers(
        _envoy: *mut c_void,
        _filter: *const c_void,
        _end_of_stream: bool,
    ) -> u32 {
        CONTINUE
    }

    #[unsafe(no_mangle)]
    extern "C" fn envoy_dynamic_module_on_http_filter_response_body(
        _envoy: *mut c_void,
        _filter: *const c_void,
        _end_of_stream: bool,
    ) -> u32 {
        CONTINUE
    }

    #[unsafe(no_mangle)]
    extern "C" fn envoy_dynamic_module_on_http_filter_response_trailers(
        _envoy: *mut c_void,
        _filter: *const c_void,
    ) -> u32 {
        CONTINUE
    }

    /// A hook without a result, which may leave its arguments alone: in the C
    /// calling convention it is the caller that clears them away.
    macro_rules! ignored {
        ($($hook:ident)*) => {
            $(#[unsafe(no_mangle)] extern "C" fn $hook() {})*
        };
    }

    ignored! {
        envoy_dynamic_module_on_http_filter_http_callout_done
        envoy_dynamic_module_on_http_filter_http_stream_headers
        envoy_dynamic_module_on_http_filter_http_stream_data
        envoy_dynamic_module_on_http_filter_http_stream_trailers
        envoy_dynamic_module_on_http_filter_http_stream_complete
        envoy_dynamic_module_on_http_filter_http_stream_reset
        envoy_dynamic_module_on_http_filter_downstream_above_write_buffer_high_watermark
        envoy_dynamic_module_on_http_filter_downstream_below_write_buffer_low_watermark
    }
}
