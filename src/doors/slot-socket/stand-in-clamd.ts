import { createServer, type Server, type Socket } from 'node:net'

/**
 * Makes a server in clamd's place. It understands all that the plugin clamd asks, one question
 * after the other, and finds nothing: clamd(8). It does not listen yet.
 */
export function standInClamd(): Server {
  return createServer((connection) => {
    const hear = converse(connection)
    connection.on('error', () => {})
    connection.on('data', hear)
  })
}

/** Returns a function that takes the bytes of a connection, in any split. */
function converse(connection: Socket): (chunk: Buffer) => void {
  let commands = 0
  let inSession = false
  /** The bytes of a command, or of the length of a piece, that have come. */
  let begun = Buffer.alloc(0)
  /** The number of bytes of a piece that are still to come; undefined outside of a stream. */
  let piece: number | undefined

  function reply(text: string): void {
    connection.write(inSession ? `${++commands}: ${text}\0` : `${text}\0`)
  }

  function obey(command: string): void {
    if (command === 'zIDSESSION') inSession = true
    else if (command === 'zINSTREAM') piece = 0
    else if (command === 'zFILDES') reply('fd[1]: OK')
    else if (command !== FILDES_BYTE) reply(command === 'zPING' ? 'PONG' : 'ClamAV rehearsal')
  }

  /** Takes bytes up to the end of a command or of a length. Returns how many it has taken. */
  function take(chunk: Buffer): number {
    const end = piece === undefined ? chunk.indexOf(0) + 1 : LENGTH - begun.length
    const taken = end > 0 ? Math.min(end, chunk.length) : chunk.length
    begun = Buffer.concat([begun, chunk.subarray(0, taken)])
    if (piece === undefined) {
      if (end > 0) obey(takeBegun().toString('latin1').slice(0, -1))
    } else if (begun.length === LENGTH) {
      piece = takeBegun().readUInt32BE(0)
      if (piece > 0) return taken
      piece = undefined
      reply('stream: OK')
    }
    return taken
  }

  function takeBegun(): Buffer {
    const whole = begun
    begun = Buffer.alloc(0)
    return whole
  }

  return (chunk) => {
    for (let at = 0; at < chunk.length; ) {
      if (piece) {
        const skipped = Math.min(piece, chunk.length - at)
        piece -= skipped
        at += skipped
      } else at += take(chunk.subarray(at))
    }
  }
}

/**
 * The byte that brings a descriptor is a NUL, and looks like the end of an empty command. The
 * descriptor is dropped.
 */
const FILDES_BYTE = ''
/** Bytes of the length before a piece of a stream. */
const LENGTH = 4
