import { type CFunctions, loadFunctions } from '../runtime/c-functions.ts'
import * as linux from '../runtime/linux.ts'

/**
 * Memory files, and descriptors that this process hands to another one over a unix socket. It takes
 * none itself: closing a file of a stranger's file system may wait for ever (close(2), FUSE). No
 * runtime offers these calls. All are synchronous and never wait.
 */
export interface PassedDescriptors {
  /**
   * memfd_create(2): a file in memory without a name, which can be sealed. Returns its descriptor,
   * or the negative errno. Its bytes count as memory of this process's control group.
   */
  memoryFile(): number
  /**
   * fcntl(2), F_ADD_SEALS: seals the file, so that nobody can ever write to it, change its length or
   * break the seal. Returns false if that is impossible, because somebody has mapped the file for
   * writing.
   */
  seal(fd: number): boolean
  /**
   * sendmsg(2): sends bytes with a descriptor, which stays open here (unix(7), SCM_RIGHTS). Returns
   * `nothing` if the socket takes nothing now, `failed` if the connection is over.
   */
  send(socket: number, bytes: Buffer, descriptor: number): 'sent' | 'nothing' | 'failed'
}

/** F_SEAL_SEAL, F_SEAL_SHRINK, F_SEAL_GROW and F_SEAL_WRITE. */
const ALL_SEALS = 0x1 | 0x2 | 0x4 | 0x8

/** struct msghdr on 64 bits, and the offsets of its members: sendmsg(2). */
const MSGHDR_BYTES = 56
const IOV_AT = 16
const IOV_COUNT_AT = 24
const CONTROL_AT = 32
const CONTROL_LENGTH_AT = 40
/** struct iovec: an address and a length. */
const IOVEC_BYTES = 16
/** struct cmsghdr, followed by one descriptor: cmsg(3). */
const CMSG_BYTES = 24
const CMSG_LENGTH = 20n
const CMSG_LEVEL_AT = 8
const CMSG_TYPE_AT = 12
const CMSG_DATA_AT = 16

const used = ['fcntl', 'memfd_create', 'sendmsg'] as const

/** Loads the calls; undefined if this runtime cannot call C (Node without koffi). */
export async function loadPassedDescriptors(): Promise<PassedDescriptors | undefined> {
  const calls = await loadFunctions(...used)
  return calls && fromCalls(calls)
}

/** All calls share these buffers: each buffer is read before its call returns. */
function fromCalls(libc: CFunctions<(typeof used)[number]>): PassedDescriptors {
  const name = Buffer.from('onescan\0')
  const header = Buffer.alloc(MSGHDR_BYTES)
  const iovec = Buffer.alloc(IOVEC_BYTES)
  const control = Buffer.alloc(CMSG_BYTES)

  return {
    memoryFile() {
      const fd = libc.memfd_create(name, linux.MFD_CLOEXEC | linux.MFD_ALLOW_SEALING)
      return fd < 0 ? -libc.errno() : fd
    },
    seal: (fd) => libc.fcntl(fd, linux.F_ADD_SEALS, ALL_SEALS) === 0,
    send(socket, bytes, descriptor) {
      iovec.writeBigUInt64LE(libc.addressOf(bytes), 0)
      iovec.writeBigUInt64LE(BigInt(bytes.length), 8)
      header.fill(0) // the last call may have changed it
      header.writeBigUInt64LE(libc.addressOf(iovec), IOV_AT)
      header.writeBigUInt64LE(1n, IOV_COUNT_AT)
      header.writeBigUInt64LE(libc.addressOf(control), CONTROL_AT)
      header.writeBigUInt64LE(BigInt(CMSG_BYTES), CONTROL_LENGTH_AT)
      control.writeBigUInt64LE(CMSG_LENGTH, 0)
      control.writeInt32LE(linux.SOL_SOCKET, CMSG_LEVEL_AT)
      control.writeInt32LE(linux.SCM_RIGHTS, CMSG_TYPE_AT)
      control.writeInt32LE(descriptor, CMSG_DATA_AT)
      const sent = Number(libc.sendmsg(socket, header, linux.MSG_DONTWAIT | linux.MSG_NOSIGNAL))
      if (sent === bytes.length) return 'sent'
      return sent < 0 && [linux.EAGAIN, linux.EINTR].includes(libc.errno()) ? 'nothing' : 'failed'
    },
  }
}
