import {
  accessSync,
  chmodSync,
  chownSync,
  closeSync,
  constants,
  lstatSync,
  readFileSync,
  readlinkSync,
  realpathSync,
  statSync,
  unlinkSync,
} from 'node:fs'
import { connect, type Server } from 'node:net'
import { dirname, resolve } from 'node:path'
import { attempt, errorCode, errorText, Fault, ifThere } from '../../../base/errors/fault.ts'
import { codeInWords } from '../../../base/errors/system-error.ts'
import {
  LISTEN_QUEUE,
  listenFaultOf,
  untilListening,
  writeEndpoint,
} from '../../../base/net/endpoint.ts'
import { parseIpAddress } from '../../../base/net/ip-address.ts'
import type { ServerAddress } from '../../../base/net/server-address.ts'
import { letsOthersReplace } from '../../../base/path/untrusted-writer.ts'
import { descriptorOf } from '../../../base/process/descriptors.ts'
import { loadSystem, requireSystem, systemError } from '../../../base/runtime/system.ts'

interface SocketOptions {
  /** The permission bits of a unix socket. */
  readonly mode: number
  /** The group id of a unix socket; undefined: that of the process. */
  readonly group: number | undefined
  /** The option that names the address, for errors. */
  readonly option: string
}

/** A socket that this process keeps open for its workers. It accepts no connections itself. */
interface BoundSocket {
  readonly fd: number
  /** Closes the socket in this process, and removes its path. May be called again. */
  close(): void
}

/**
 * Listens at the address. No client can connect to a unix socket before it has its group and mode. A socket
 * that another process left there is replaced, unless a process answers on it. Rejects with a Fault of kind
 * `config` if it cannot listen.
 */
export async function listenAt(
  server: Server,
  named: ServerAddress,
  options: SocketOptions,
): Promise<void> {
  const address = placeOf(named)
  const at = nameOf(address, options)
  const where =
    address.kind === 'unix' ? { path: address.path } : { host: address.host, port: address.port }
  await openAt(address, options, async () => {
    await listening(server, at, (onListening) =>
      server.listen({ ...where, backlog: LISTEN_QUEUE }, onListening),
    )
    return server
  })
  refuseDescriptors(server, descriptorOf(server) ?? -1)
}

/** Binds a socket at the address, in the same way, for other processes to listen on. */
export async function bindAt(named: ServerAddress, options: SocketOptions): Promise<BoundSocket> {
  const address = placeOf(named)
  return openAt(address, options, async () => {
    try {
      return bindSocket(address)
    } catch (error) {
      throw cannotListen(nameOf(address, options), error)
    }
  })
}

/**
 * Rejects with the Fault that `bindAt` would reject with, and changes nothing. A socket that
 * belongs to root is left alone: it is systemd's, and a connection to it would start the service.
 */
export async function checkAddress(named: ServerAddress, options: SocketOptions): Promise<void> {
  const address = placeOf(named)
  if (address.kind === 'tcp') {
    const { close } = await bindAt(address, options)
    return close()
  }
  const at = nameOf(address, options)
  if (process.getuid!() !== 0 && isRootsSocket(address.path)) return
  checkDirectory(dirname(address.path), at)
  if (process.getuid!() === 0) checkOwners(dirname(address.path), at)
  await isStale(address.path, at)
}

/**
 * Returns the address at which to create the socket: if its path is a link, the target of the link. So clients
 * find the socket in a directory that root owns, and the service's account creates it in its own directory.
 */
function placeOf(address: ServerAddress): ServerAddress {
  if (address.kind !== 'unix') return address
  const target = attempt(() => readlinkSync(address.path))
  if (target === undefined) return address // it is not a link, or not there
  return { ...address, path: resolve(realpathSync(dirname(address.path)), target) }
}

function isRootsSocket(path: string): boolean {
  const status = attempt(() => lstatSync(path))
  return status?.isSocket() === true && status.uid === 0
}

function nameOf(address: ServerAddress, { option }: SocketOptions): string {
  return `${option} ${address.kind === 'unix' ? address.path : writeEndpoint(address)}`
}

/** `open` binds the socket before it waits for anything. */
async function openAt<Opened extends { close(): unknown }>(
  address: ServerAddress,
  options: SocketOptions,
  open: () => Promise<Opened>,
): Promise<Opened> {
  if (address.kind === 'tcp') return open()
  const { mode, group } = options
  const { path } = address
  const at = nameOf(address, options)
  checkDirectory(dirname(path), at)
  if (process.getuid!() === 0) checkOwners(dirname(path), at)
  if (await isStale(path, at)) unlinkSync(path)
  const umask = process.umask(0o777)
  let opening: Promise<Opened>
  try {
    opening = open()
  } finally {
    process.umask(umask) // immediately: other work creates files meanwhile
  }
  const opened = await opening
  try {
    if (group !== undefined) chownSync(path, process.getuid!(), group)
    chmodSync(path, mode)
  } catch (error) {
    opened.close()
    removePath(path)
    throw new Fault('config', `${at}: ${errorText(error)}`, error)
  }
  return opened
}

/**
 * Listens on a socket that the first process has bound. Its clients may send descriptors if the door
 * accepts them.
 */
export async function listenOn(
  server: Server,
  fd: number,
  takesDescriptors = false,
): Promise<void> {
  if (!takesDescriptors) refuseDescriptors(server, fd)
  return listening(server, `descriptor ${fd}`, (onListening) =>
    server.listen({ fd }, LISTEN_QUEUE, onListening),
  )
}

/**
 * Makes the kernel refuse descriptors that clients of a unix socket send (SO_PASSRIGHTS, Linux 6.16): their
 * sendmsg(2) fails with EPERM. A connection inherits this from the socket at its connect(2), so it is set
 * before the socket listens. It is also set for each accepted connection, because systemd may have listened
 * before.
 *
 * Without it, descriptors are not accepted either. But the process that reads the bytes sent with the
 * descriptor, or closes the connection, closes the file. It may then wait for a file system that the file's
 * owner controls (FUSE).
 */
function refuseDescriptors(server: Server, socket: number): void {
  const system = loadSystem()
  if (system?.refuseDescriptors(socket))
    server.prependListener('connection', (client) => {
      system.refuseDescriptors(descriptorOf(client) ?? -1)
    })
}

/**
 * Throws a Fault if this process cannot create a socket in the directory. One of the runtimes does not report
 * why it cannot listen at a path, so this is checked before.
 */
function checkDirectory(directory: string, at: string): void {
  try {
    accessSync(directory, constants.W_OK | constants.X_OK)
  } catch (error) {
    const remedy = 'create the directory, and let this user write to it'
    throw new Fault('config', `${at}: ${errorText(error)}; ${remedy}`, error)
  }
}

/**
 * Throws a Fault if another user may rename files in the directory, or in one above it. Root changes the owner
 * of the socket by its path, and that user could put another file there that root owns.
 */
function checkOwners(directory: string, at: string): void {
  for (let ancestor = realpathSync(directory); ; ancestor = dirname(ancestor)) {
    const { uid, mode } = statSync(ancestor)
    if (uid !== 0 || letsOthersReplace(mode)) {
      const remedy =
        'put the socket into a directory that only root can change, or do not start onescand as root'
      throw new Fault('config', `${at}: users other than root can change ${ancestor}; ${remedy}`)
    }
    if (ancestor === dirname(ancestor)) return
  }
}

function listening(
  server: Server,
  at: string,
  listen: (onListening: () => void) => void,
): Promise<void> {
  return untilListening(server, listen).catch((error) => {
    throw cannotListen(at, error)
  })
}

function cannotListen(at: string, error: unknown): Fault {
  const reason = listenFaultOf(errorCode(error)) ?? errorText(error)
  return new Fault('config', `${at}: cannot listen: ${reason}`, error)
}

/**
 * Returns true if the path is a socket on which nothing listens now, and false if nothing is there. Rejects
 * with a Fault of kind `config` if anything else is there.
 */
async function isStale(path: string, at: string): Promise<boolean> {
  const status = ifThere(() => lstatSync(path))
  if (status === undefined) return false
  if (!status.isSocket()) throw new Fault('config', `${at}: exists and is not a socket; remove it`)
  const reason = await probeListener(path)
  if (reason === 'ENOENT') return false
  if (reason !== 'ECONNREFUSED') {
    const what =
      reason === '' ? 'another process listens there' : `cannot be replaced: ${codeInWords(reason)}`
    throw new Fault('config', `${at}: ${what}; is onescand running?`)
  }
  return true
}

/** Returns the errno's name if no process answers at the path, and '' if one does. */
function probeListener(path: string): Promise<string> {
  return new Promise((report) => {
    const socket = connect(path)
    socket.once('error', (error) => report(errorCode(error)))
    socket.once('connect', () => {
      socket.destroy()
      report('')
    })
  })
}

/**
 * Binds a stream socket without listening on it: the worker that receives its descriptor does that
 * (listen(2)). Neither runtime has a function for this, because their servers accept connections as soon as
 * they listen. Throws a systemError().
 */
function bindSocket(address: ServerAddress): BoundSocket {
  const system = requireSystem('no socket can be bound')
  const fd =
    address.kind === 'unix'
      ? system.bindUnix(address.path)
      : system.bindTcp(parseIpAddress(address.host)!, address.port)
  if (fd < 0) throw systemError(fd)
  let isOpen = true
  return {
    fd,
    close() {
      if (!isOpen) return
      isOpen = false
      closeSync(fd)
      if (address.kind === 'unix') removePath(address.path)
    },
  }
}

/** Removes a socket, unless another process has. */
const removePath = (path: string): void => attempt(() => unlinkSync(path))

/** Returns the path that a unix socket is bound to, or undefined for any other socket. */
export function pathOf(fd: number): string | undefined {
  return namedSockets().get(readlinkSync(`/proc/self/fd/${fd}`))
}

/**
 * Lists the unix sockets that have a path, by their names in the links of /proc/self/fd (proc(5)).
 */
function namedSockets(): Map<string, string> {
  const rows = readFileSync('/proc/net/unix', 'latin1').split('\n')
  const found = new Map<string, string>()
  for (const row of rows) {
    const [, inode, path] = NAMED.exec(row) ?? []
    if (path !== undefined) found.set(`socket:[${inode}]`, path)
  }
  return found
}

/** Num RefCount Protocol Flags Type St Inode Path */
const NAMED = /^\S+ \S+ \S+ [0-9A-F]+ \S+ \S+ +([0-9]+) (\/.*)$/
