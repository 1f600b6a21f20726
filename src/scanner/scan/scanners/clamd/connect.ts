import type { SecureContext } from 'node:tls'
import { attempt, errorCode } from '../../../../base/errors/fault.ts'
import type { Connection } from '../../../../base/protocol/connection/server-wire.ts'
import { isCompiled } from '../../../../base/runtime/compiled-program.ts'
import { loadSystem } from '../../../../base/runtime/system.ts'
import type { TlsIdentity } from '../../../protocol/clamd/tls-identity.ts'
import type { ClamdAddress } from './clamd-address.ts'

type Connect = (address: ClamdAddress) => Connection

/** Functions of the runtime, which all connections share: they keep no data of any message. */
let plain: Promise<Connect> | undefined
let secure: Promise<Connect> | undefined

/**
 * Loads the function that connects to an address of this kind. Loading takes 2 ms, so mail without a scan
 * does not load it.
 */
export function loadConnect(address: ClamdAddress): Promise<Connect> {
  if (!isSecure(address)) {
    plain ??= loadPlain()
    return plain
  }
  secure ??= loadSecure()
  return secure
}

/** Returns whether the server is an onescand that is reached over TLS. */
export function isSecure(address: ClamdAddress): boolean {
  return address.kind === 'tcp' && address.identity !== undefined
}

async function loadSecure(): Promise<Connect> {
  const [{ createSecureContext }, { dial }] = await Promise.all([
    import('node:tls'),
    import('../../../../base/protocol/connection/dial.ts'),
  ])
  const contexts = new WeakMap<TlsIdentity, SecureContext>()
  return (address) => {
    if (address.kind !== 'tcp' || !address.identity) throw new Error(`${address.text}: has no TLS`)
    const { host, port, identity } = address
    const secureContext = contexts.get(identity) ?? createSecureContext(identity)
    contexts.set(identity, secureContext)
    return dial({ host, port, isSecure: true }, undefined, { secureContext })
  }
}

/**
 * Loads node:net's connect(). A compiled program uses a small implementation of its own instead. node:net
 * costs onescan-queue 1.7 ms of its 29 ms of processor time for a message, and onescand 0.1 of 2.3.
 */
async function loadPlain(): Promise<Connect> {
  if (isCompiled) return (address) => new BunConnection(address)
  const { connect } = await import('node:net')
  return (address) => connect({ ...address, noDelay: true })
}

/**
 * Resolves to the error that node:net would return: EAGAIN if the queue of connections is full. Never
 * rejects: the check needs descriptors, and if none is left the error stays unchanged.
 */
async function asNodeError(target: ClamdAddress, error: Error): Promise<Error> {
  if (!('path' in target) || errorCode(error) !== 'ECONNREFUSED') return error
  const listener = attempt(() => loadSystem()?.listenerAt(target.path))
  if (listener === undefined || listener === 'nobody') return error
  return Object.assign(new Error(`connect EAGAIN ${target.path}`), { code: 'EAGAIN' })
}

/** The part of node:net's Socket that a client needs, by Bun.connect(). */
class BunConnection implements Connection {
  readonly #listeners = new Map<string, (value: never) => void>()
  #socket: BunSocket | undefined
  #isDestroyed = false
  #rest: Buffer = Buffer.alloc(0) // of the packet that is being written
  #done: ((error?: Error) => void) | undefined

  constructor(target: ClamdAddress) {
    // Bun reports a missing path before connect() returns, and nothing listens for errors then. So the
    // connection starts a turn later.
    queueMicrotask(() => {
      if (!this.#isDestroyed) this.#start(target)
    })
  }

  /** The property name in node:net. descriptorOf() reads it. */
  get _handle(): BunSocket | undefined {
    return this.#socket
  }

  on(event: string, listener: (value: never) => void): this {
    this.#listeners.set(event, listener)
    return this
  }

  write(packet: Buffer, done: (error?: Error | null) => void): void {
    this.#rest = packet
    this.#done = done
    this.#push()
  }

  destroy(): void {
    this.#isDestroyed = true
    this.#finish(new Error('the connection is closed'))
    this.#socket?.terminate()
  }

  #start(target: ClamdAddress): void {
    const place =
      'path' in target ? { unix: target.path } : { hostname: target.host, port: target.port }
    const emitError = (error: Error) => this.#emit('error', error)
    Bun.connect({
      ...place,
      socket: {
        open: (opened) => {
          this.#socket = opened
          if (this.#isDestroyed) opened.terminate()
          else this.#emit('connect')
        },
        data: (_, chunk) => this.#emit('data', chunk),
        drain: () => this.#push(),
        end: () => this.#emit('end'),
        close: (_, error) => (error ? emitError(error) : this.#emit('end')),
        error: (_, error) => emitError(error),
        connectError: (_, error) => void asNodeError(target, error).then(emitError),
      },
    }).catch(() => {}) // connectError has reported it
  }

  /** Writes as much of the packet as the kernel accepts. */
  #push(): void {
    if (!this.#done || !this.#socket) return
    const taken = this.#socket.write(this.#rest)
    this.#rest = this.#rest.subarray(Math.max(0, taken))
    if (taken < 0) this.#finish(new Error('the connection is closed'))
    else if (this.#rest.length === 0) this.#finish()
  }

  #finish(error?: Error): void {
    const done = this.#done
    this.#done = undefined
    done?.(error)
  }

  #emit(event: string, value?: unknown): void {
    this.#listeners.get(event)?.(value as never)
  }
}
