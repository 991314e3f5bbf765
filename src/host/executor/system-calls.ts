/**
 * The system calls that a child may not make, by their numbers on x86-64 and on ARM64 (null: it has none there). From
 * Linux's asm/unistd_64.h and asm-generic/unistd.h; numbers from 424 on are the same everywhere.
 *
 * Node, V8 and ONNX Runtime make none of them, so the list is long: it takes away what reaches other processes, what only
 * an administrator needs, and the parts of the kernel in which most ways out of a sandbox were found. Not a list of what is
 * allowed: another C library or a later Node would need calls that nobody has tried here, and the vehicle would stand still.
 */
export type Numbers = readonly [x64: number | null, arm64: number | null]

export const refusedCalls: Readonly<Record<string, Numbers>> = {
  // Other processes of the same user: their memory, their files, their signals, their share of the machine.
  ptrace: [101, 117],
  process_vm_readv: [310, 270],
  process_vm_writev: [311, 271],
  process_madvise: [440, 440],
  process_mrelease: [448, 448],
  kcmp: [312, 272],
  pidfd_open: [434, 434],
  pidfd_getfd: [438, 438],
  pidfd_send_signal: [424, 424],
  tkill: [200, 130],
  rt_sigqueueinfo: [129, 138],
  rt_tgsigqueueinfo: [297, 240],
  setpriority: [141, 140],
  sched_setscheduler: [144, 119],
  sched_setparam: [142, 118],
  sched_setattr: [314, 274],
  ioprio_set: [251, 30],
  migrate_pages: [256, 238],
  move_pages: [279, 239],
  // More processes, and namespaces in which they would have capabilities.
  fork: [57, null],
  vfork: [58, null],
  unshare: [272, 97],
  setns: [308, 268],
  // Sockets: some families, such as those of virtual machines, know no network namespace.
  socket: [41, 198],
  // File systems.
  mount: [165, 40],
  umount2: [166, 39],
  pivot_root: [155, 41],
  chroot: [161, 51],
  open_tree: [428, 428],
  move_mount: [429, 429],
  fsopen: [430, 430],
  fsconfig: [431, 431],
  fsmount: [432, 432],
  fspick: [433, 433],
  mount_setattr: [442, 442],
  statmount: [457, 457],
  listmount: [458, 458],
  name_to_handle_at: [303, 264],
  open_by_handle_at: [304, 265],
  fanotify_init: [300, 262],
  fanotify_mark: [301, 263],
  mknod: [133, null],
  mknodat: [259, 33],
  quotactl: [179, 60],
  quotactl_fd: [443, 443],
  swapon: [167, 224],
  swapoff: [168, 225],
  // Keys, and the kernel's own machines.
  add_key: [248, 217],
  request_key: [249, 218],
  keyctl: [250, 219],
  bpf: [321, 280],
  seccomp: [317, 277],
  perf_event_open: [298, 241],
  userfaultfd: [323, 282],
  io_uring_setup: [425, 425],
  io_uring_enter: [426, 426],
  io_uring_register: [427, 427],
  // The machine itself.
  kexec_load: [246, 104],
  kexec_file_load: [320, 294],
  init_module: [175, 105],
  finit_module: [313, 273],
  delete_module: [176, 106],
  reboot: [169, 142],
  iopl: [172, null],
  ioperm: [173, null],
  modify_ldt: [154, null],
  personality: [135, 92],
  uselib: [134, null],
  lookup_dcookie: [212, 18],
  acct: [163, 89],
  syslog: [103, 116],
  vhangup: [153, 58],
  sethostname: [170, 161],
  setdomainname: [171, 162],
  settimeofday: [164, 170],
  clock_settime: [227, 112],
  clock_adjtime: [305, 266],
  adjtimex: [159, 171],
}

/** The calls whose arguments decide, and two that the link itself makes. */
export const knownCalls = {
  clone: [56, 220],
  clone3: [435, 435],
  kill: [62, 129],
  tgkill: [234, 131],
  prlimit64: [302, 261],
  sched_setaffinity: [203, 122],
  fcntl: [72, 25],
  ioctl: [16, 29],
  prctl: [157, 167],
  seccomp: [317, 277],
  close_range: [436, 436],
} as const satisfies Readonly<Record<string, readonly [number, number]>>

/** mseal, of Linux 6.10: whatever came later is answered as an older kernel answers it. */
export const highestCall = 462
