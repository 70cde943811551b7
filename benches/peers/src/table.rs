//! The types of `../contender.h`, and a table of functions for every kind of channel.

use std::ffi::{c_char, c_int, c_void};
use std::sync::Mutex;

use crate::peer::Peer;
use crate::watch;

pub const LOOP_GETS: u32 = 1;
pub const LOOP_PUTS: u32 = 2;
pub const ALTERNATE: u32 = 8;
const PUTS: u32 = 0;

#[repr(C)]
pub struct Spec {
    pub capacity: usize,
    pub item_size: usize,
    pub order: u32,
    pub uses: u32,
    pub producers: u32,
    pub consumers: u32,
    pub work: u32,
}

impl Spec {
    pub fn loop_gets(&self) -> bool {
        self.uses & LOOP_GETS != 0
    }

    pub fn loop_puts(&self) -> bool {
        self.uses & LOOP_PUTS != 0
    }
}

type Ready = unsafe extern "C" fn(*mut c_void);

#[repr(C)]
pub struct Loop {
    pub spec: *const Spec,
    pub own: *mut c_void,
    pub context: *mut c_void,
    pub took: Option<unsafe extern "C" fn(*mut c_void, *mut c_void, *const c_void)>,
    pub next: Option<unsafe extern "C" fn(*mut c_void, *mut c_void) -> bool>,
    pub add: Option<unsafe extern "C" fn(*mut Loop, c_int, u32, Ready, *mut c_void) -> bool>,
    epoll: c_int,
    sources: *mut c_void,
}

#[repr(C)]
pub struct Ops {
    make: unsafe extern "C" fn(*const Spec) -> *mut c_void,
    unmake: unsafe extern "C" fn(*mut c_void),
    enter: unsafe extern "C" fn(*mut c_void, u32, u32) -> *mut c_void,
    leave: unsafe extern "C" fn(*mut c_void, u32),
    put: unsafe extern "C" fn(*mut c_void, *const c_void),
    put_priority: Option<unsafe extern "C" fn(*mut c_void, *const c_void, i64)>,
    put_many: Option<unsafe extern "C" fn(*mut c_void, *const c_void, usize)>,
    get: unsafe extern "C" fn(*mut c_void, *mut c_void),
    get_many: Option<unsafe extern "C" fn(*mut c_void, *mut c_void, usize) -> usize>,
    try_put: unsafe extern "C" fn(*mut c_void, *const c_void) -> bool,
    try_get: unsafe extern "C" fn(*mut c_void, *mut c_void) -> bool,
    watch: unsafe extern "C" fn(*mut Loop, *mut c_void, *mut c_void) -> bool,
    open_loop: Option<unsafe extern "C" fn(*mut Loop) -> bool>,
    close_loop: Option<unsafe extern "C" fn(*mut Loop)>,
    turn: Option<unsafe extern "C" fn(*mut Loop, bool)>,
    look: Option<unsafe extern "C" fn(*mut Loop) -> usize>,
}

#[repr(C)]
pub struct Contender {
    pub name: *const c_char,
    pub what: *const c_char,
    pub version: extern "C" fn() -> *const c_char,
    pub pick: unsafe extern "C" fn(*const Spec, *mut *const c_char) -> *const Ops,
}

// SAFETY: constant, and points to constants only.
unsafe impl Sync for Contender {}

/// An item of `W` words.
#[derive(Clone, Copy)]
#[repr(C)]
pub struct Item<const W: usize>(pub [u64; W]);

/// What the scenario calls the queue: the handles that are left to give out.
pub struct Queue<P: Peer<T>, T: Send + 'static> {
    tx: Mutex<Option<P::Tx>>,
    rx: Mutex<Option<P::Rx>>,
}

impl<P: Peer<T>, T: Send + 'static> Queue<P, T> {
    pub fn tx(&self) -> P::Tx {
        P::another_tx(&mut self.tx.lock().expect("nobody panics"))
    }

    pub fn rx(&self) -> P::Rx {
        P::another_rx(&mut self.rx.lock().expect("nobody panics"))
    }
}

/// The table of functions for the channel `P` and items of `W` words.
struct Table<P, const W: usize>(P);

// SAFETY, of all functions below: the driver passes what `make` and `enter` returned, and items of
// the size that it asked for, aligned as words.
impl<P: Peer<Item<W>>, const W: usize> Table<P, W> {
    const OPS: Ops = Ops {
        make: Self::make,
        unmake: Self::unmake,
        enter: Self::enter,
        leave: Self::leave,
        put: Self::put,
        put_priority: None,
        put_many: if P::BATCHES_IN { Some(Self::put_many) } else { None },
        get: Self::get,
        get_many: if P::BATCHES_OUT { Some(Self::get_many) } else { None },
        try_put: Self::try_put,
        try_get: Self::try_get,
        watch: watch::watch::<P, W>,
        open_loop: Some(watch::open_loop),
        close_loop: Some(watch::close_loop),
        turn: None,
        look: None,
    };

    unsafe extern "C" fn make(spec: *const Spec) -> *mut c_void {
        let (tx, rx) = P::make(unsafe { (*spec).capacity });
        let queue = Queue::<P, Item<W>> { tx: Mutex::new(Some(tx)), rx: Mutex::new(Some(rx)) };
        Box::into_raw(Box::new(queue)).cast()
    }

    unsafe extern "C" fn unmake(queue: *mut c_void) {
        drop(unsafe { Box::from_raw(queue.cast::<Queue<P, Item<W>>>()) });
    }

    unsafe extern "C" fn enter(queue: *mut c_void, side: u32, _index: u32) -> *mut c_void {
        let queue = unsafe { &*queue.cast::<Queue<P, Item<W>>>() };
        match side {
            PUTS => Box::into_raw(Box::new(queue.tx())).cast(),
            _ => Box::into_raw(Box::new(queue.rx())).cast(),
        }
    }

    unsafe extern "C" fn leave(port: *mut c_void, side: u32) {
        match side {
            PUTS => drop(unsafe { Box::from_raw(port.cast::<P::Tx>()) }),
            _ => drop(unsafe { Box::from_raw(port.cast::<P::Rx>()) }),
        }
    }

    unsafe extern "C" fn put(port: *mut c_void, item: *const c_void) {
        P::put(unsafe { &mut *port.cast() }, unsafe { *item.cast() });
    }

    unsafe extern "C" fn put_many(port: *mut c_void, items: *const c_void, count: usize) {
        let items = unsafe { std::slice::from_raw_parts(items.cast(), count) };
        P::put_many(unsafe { &mut *port.cast() }, items);
    }

    unsafe extern "C" fn get(port: *mut c_void, item: *mut c_void) {
        unsafe { item.cast::<Item<W>>().write(P::get(&mut *port.cast())) };
    }

    unsafe extern "C" fn get_many(port: *mut c_void, items: *mut c_void, max: usize) -> usize {
        let items = unsafe { std::slice::from_raw_parts_mut(items.cast(), max) };
        P::get_many(unsafe { &mut *port.cast() }, items)
    }

    unsafe extern "C" fn try_put(port: *mut c_void, item: *const c_void) -> bool {
        P::try_put(unsafe { &mut *port.cast() }, unsafe { *item.cast() }).is_ok()
    }

    unsafe extern "C" fn try_get(port: *mut c_void, item: *mut c_void) -> bool {
        let got = P::try_get(unsafe { &mut *port.cast() });
        got.map(|got| unsafe { item.cast::<Item<W>>().write(got) }).is_some()
    }
}

/// A channel for items of every size that the scenarios use.
pub trait AnySize: Peer<Item<1>> + Peer<Item<8>> + Peer<Item<32>> {}
impl<P: Peer<Item<1>> + Peer<Item<8>> + Peer<Item<32>>> AnySize for P {}

pub fn ops<P: AnySize>(spec: &Spec) -> &'static Ops {
    match spec.item_size {
        8 => const { &Table::<P, 1>::OPS },
        64 => const { &Table::<P, 8>::OPS },
        _ => const { &Table::<P, 32>::OPS },
    }
}
