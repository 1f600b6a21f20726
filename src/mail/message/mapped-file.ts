import { readSync } from 'node:fs'
import { Fault } from '../../base/errors/fault.ts'
import { loadSystem } from '../../base/runtime/system.ts'

/**
 * The bytes of a file as one buffer. They are mapped, and take no memory of this process. Without the addon, or if the
 * file cannot be mapped, they are a copy.
 */
export class MappedFile {
  readonly bytes: Buffer
  readonly #mapped: ArrayBuffer | undefined

  /**
   * Maps the first `size` bytes of a file. No other process may be able to change them or cut them off, so the file has
   * no name. Throws a Fault of kind `read` if it has fewer bytes.
   */
  constructor(fd: number, size: number) {
    this.#mapped = size > 0 ? loadSystem()?.mapFile(fd, size) : undefined
    this.bytes = this.#mapped ? Buffer.from(this.#mapped) : copyOf(fd, size)
  }

  /** Unmaps the file. All buffers of these bytes are empty from now on. */
  close(): void {
    this.#mapped?.transfer(0)
  }
}

function copyOf(fd: number, size: number): Buffer {
  const bytes = Buffer.allocUnsafeSlow(size)
  for (let at = 0; at < size; ) {
    const length = readSync(fd, bytes, at, size - at, at)
    if (length === 0) throw new Fault('read', 'a spool file became shorter while it was read')
    at += length
  }
  return bytes
}
