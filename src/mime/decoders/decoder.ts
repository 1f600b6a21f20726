/** Takes the decoded bytes from the front of `room`; valid until it returns. */
export type Give = (room: Buffer, length: number) => void

/** Decodes a content that comes in any split. What it has decoded when a call returns was given. */
export interface Decoder {
  push(bytes: Buffer, from: number, to: number): void
  end(): void
}

/** Bytes that are decoded before they are given. */
export const ROOM = 16 * 1024
