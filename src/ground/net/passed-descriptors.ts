import { closeSync } from 'node:fs'
import { type CFunctions, loadFunctions } from '../runtime/c-functions.ts'
import * as linux from '../runtime/linux.ts'

/**
 * Memory files, and descriptors that one process hands to another over a unix socket. No runtime
 * offers these calls. All are synchronous and never wait.
 */
export interface PassedDescriptors {
  /**
   * memfd_create(2): a file in memory without a name, which can be sealed. Returns its descriptor,
   * or the negative errno. Its bytes count as memory of this process's control group.
   */
  memoryFile(): number
  /**
   * fcntl(2), F_GET_SEALS: whether the file is sealed, so that nobody can ever write to it, change
   * its length or break the seal.
   */
  isSealed(fd: number): boolean
  /**
   * F_ADD_SEALS: seals the file in this way. Returns false if that is impossible, because somebody
   * has mapped the file for writing.
   */
  seal(fd: number): boolean
  /**
   * sendmsg(2): sends bytes with a descriptor, which stays open here (unix(7), SCM_RIGHTS). Returns
   * `nothing` if the socket takes nothing now, `failed` if the connection is over.
   */
  send(socket: number, bytes: Buffer, descriptor: number): 'sent' | 'nothing' | 'failed'
  /**
   * recvmsg(2): receives the bytes that have arrived on a connection, with the descriptor that came
   * with the first of them. Returns undefined if nothing has arrived yet. No bytes mean that the
   * connection has ended or broken.
   */
  receive(socket: number, buffer: Buffer): ReceivedBytes | undefined
}

export interface ReceivedBytes {
  /** How many bytes were put into the buffer. */
  readonly length: number
  /**
   * The descriptor, which the caller closes. Undefined if none came, or several, which are closed.
   */
  readonly descriptor: number | undefined
}

/** F_SEAL_SEAL, F_SEAL_SHRINK, F_SEAL_GROW and F_SEAL_WRITE. */
const ALL_SEALS = 0x1 | 0x2 | 0x4 | 0x8

/** struct msghdr on 64 bits, and the offsets of its members: recvmsg(2). */
const MSGHDR_BYTES = 56
const IOV_AT = 16
const IOV_COUNT_AT = 24
const CONTROL_AT = 32
const CONTROL_LENGTH_AT = 40
const FLAGS_AT = 48
/** struct iovec: an address and a length. */
const IOVEC_BYTES = 16
/** struct cmsghdr, followed by one descriptor: cmsg(3). */
const CMSG_BYTES = 24
const CMSG_LENGTH = 20n
const CMSG_LEVEL_AT = 8
const CMSG_TYPE_AT = 12
const CMSG_DATA_AT = 16

const used = ['fcntl', 'memfd_create', 'recvmsg', 'sendmsg'] as const

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

  /** Fills the header again: the last call may have changed it. */
  function describe(bytes: Buffer, controlLength: bigint): void {
    iovec.writeBigUInt64LE(libc.addressOf(bytes), 0)
    iovec.writeBigUInt64LE(BigInt(bytes.length), 8)
    header.fill(0)
    header.writeBigUInt64LE(libc.addressOf(iovec), IOV_AT)
    header.writeBigUInt64LE(1n, IOV_COUNT_AT)
    header.writeBigUInt64LE(libc.addressOf(control), CONTROL_AT)
    header.writeBigUInt64LE(controlLength, CONTROL_LENGTH_AT)
  }

  return {
    memoryFile() {
      const fd = libc.memfd_create(name, linux.MFD_CLOEXEC | linux.MFD_ALLOW_SEALING)
      return fd < 0 ? -libc.errno() : fd
    },
    isSealed: (fd) => {
      const seals = libc.fcntl(fd, linux.F_GET_SEALS, 0)
      return seals >= 0 && (seals & ALL_SEALS) === ALL_SEALS
    },
    seal: (fd) => libc.fcntl(fd, linux.F_ADD_SEALS, ALL_SEALS) === 0,
    send(socket, bytes, descriptor) {
      describe(bytes, BigInt(CMSG_BYTES))
      control.writeBigUInt64LE(CMSG_LENGTH, 0)
      control.writeInt32LE(linux.SOL_SOCKET, CMSG_LEVEL_AT)
      control.writeInt32LE(linux.SCM_RIGHTS, CMSG_TYPE_AT)
      control.writeInt32LE(descriptor, CMSG_DATA_AT)
      const sent = Number(libc.sendmsg(socket, header, linux.MSG_DONTWAIT | linux.MSG_NOSIGNAL))
      if (sent === bytes.length) return 'sent'
      return sent < 0 && [linux.EAGAIN, linux.EINTR].includes(libc.errno()) ? 'nothing' : 'failed'
    },
    receive(socket, buffer) {
      // There is room for one descriptor. The kernel closes those that do not fit, and says so.
      describe(buffer, CMSG_LENGTH)
      control.fill(0)
      const flags = linux.MSG_DONTWAIT | linux.MSG_CMSG_CLOEXEC
      const length = Number(libc.recvmsg(socket, header, flags))
      if (length < 0) {
        return [linux.EAGAIN, linux.EINTR].includes(libc.errno())
          ? undefined
          : { length: 0, descriptor: undefined }
      }
      const controlLength = header.readBigUInt64LE(CONTROL_LENGTH_AT)
      const isOne =
        controlLength >= CMSG_LENGTH &&
        control.readInt32LE(CMSG_LEVEL_AT) === linux.SOL_SOCKET &&
        control.readInt32LE(CMSG_TYPE_AT) === linux.SCM_RIGHTS
      const descriptor = isOne ? control.readInt32LE(CMSG_DATA_AT) : undefined
      const isCut = (header.readInt32LE(FLAGS_AT) & linux.MSG_CTRUNC) !== 0
      if (!isCut) return { length, descriptor }
      if (descriptor !== undefined) closeSync(descriptor)
      return { length, descriptor: undefined }
    },
  }
}
