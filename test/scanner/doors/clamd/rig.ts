import { once } from 'node:events'
import { connect, type NetConnectOpts, type Socket } from 'node:net'
import { join } from 'node:path'
import { createClamdDoor } from '../../../../src/scanner/doors/clamd/clamd-door.ts'
import type { ClamdOptions } from '../../../../src/scanner/doors/clamd/clamd-services.ts'
import { uint32 } from '../../../../src/scanner/protocol/frames.ts'
import type { Ending } from '../../../programs/host/server.ts'
import { aroundDoor, type InPlace, type OpenedDoor } from '../in-process.ts'

export interface OpenClamdDoor extends OpenedDoor {
  /** Where it listens: a unix socket, or a port of 127.0.0.1. */
  readonly at: NetConnectOpts & { readonly path?: string; readonly port?: number }
  /** Resolves to all that it answers to these bytes until it closes the connection. */
  ask(...pieces: readonly (Buffer | string)[]): Promise<string>
  /** A connection whose bytes the test sends itself. */
  call(): Promise<Line>
}

export interface Line {
  readonly socket: Socket
  write(...pieces: readonly (Buffer | string)[]): void
  /** Resolves when so many answers have come, to all of them; or when the door has closed the connection. */
  hear(count?: number): Promise<string>
  readonly closed: Promise<void>
}

interface Setup extends Partial<ClamdOptions>, InPlace {
  readonly byTcp?: true
}

/** onescand's door for clients of clamd in this process, under an environment of its own. */
export async function openClamdDoor(
  t: Ending,
  environment: Readonly<Record<string, string>>,
  { scan, scannerName, servers, byTcp, ...options }: Setup = {},
): Promise<OpenClamdDoor> {
  const around = aroundDoor(t, { scan, scannerName, servers })
  const path = join(around.directory, 's')
  const door = createClamdDoor(await around.configured(environment), {
    contentKind: options.isSecure ? 'contents' : 'files',
    maxClients: 100,
    maxSize: 100 * 1024 * 1024,
    ...around.options,
    ...options,
  })
  const open = await around.open(door, byTcp ? 0 : path)
  const address = open.server.address()
  const at = address !== null && typeof address === 'object' ? { port: address.port } : { path }

  async function call(): Promise<Line> {
    const socket = connect(at)
    t.teardown(() => socket.destroy())
    await once(socket, 'connect')
    let received = ''
    socket.on('error', () => {})
    const closed = new Promise<void>((resolve) => socket.on('close', () => resolve()))
    socket.on('data', (chunk) => {
      received += chunk.toString('latin1')
    })
    return {
      socket,
      closed,
      write(...pieces) {
        for (const piece of pieces) socket.write(piece, 'latin1')
      },
      async hear(count = Number.POSITIVE_INFINITY) {
        while (received.split(/[\0\n]/).length <= count && !socket.closed) {
          await Promise.race([new Promise((resolve) => socket.once('data', resolve)), closed])
        }
        return received
      },
    }
  }
  return {
    ...open,
    at,
    call,
    async ask(...pieces) {
      const line = await call()
      line.write(...pieces)
      return line.hear()
    },
  }
}

/** A content as clients send it after INSTREAM, in chunks of this size. */
export function streamed(content: Buffer | string, chunk = 64 * 1024): Buffer {
  const bytes = Buffer.from(content as string, 'latin1')
  const parts: Buffer[] = []
  for (let at = 0; at < bytes.length; at += chunk) {
    const part = bytes.subarray(at, at + chunk)
    parts.push(uint32(part.length), part)
  }
  return Buffer.concat([...parts, uint32(0)])
}

/** INSTREAM with a content, as most clients send it. */
export const inStream = (content: Buffer | string, chunk?: number): Buffer =>
  Buffer.concat([Buffer.from('zINSTREAM\0'), streamed(content, chunk)])
