import type { Socket } from 'node:dgram'

/** The datagrams of one question and its answers, on a socket of its own. */
export interface UdpExchange {
  /** The number of datagrams that were received and are no answers to the question. */
  readonly nonsense: number
  /** Whether each datagram that was sent was answered, or could not be delivered. */
  readonly isSettled: boolean
  /** Sends no more. Resolves when the exchange is settled, which it may never be. */
  end(): Promise<void>
}

export interface ExchangeOptions<Answer> {
  /** The question as it is sent. */
  readonly packet: Buffer
  /** Milliseconds after which the question is sent again and again; undefined for never. */
  readonly resendEvery: number | undefined
  /** Reads an answer; undefined if a datagram is no answer to the question. */
  readonly read: (datagram: Buffer) => Answer | undefined
  /** Called with each answer. */
  readonly onAnswer: (answer: Answer) => void
  /** Called with each error of the system, as for a datagram that could not be delivered. */
  readonly onError: (error: Error) => void
}

/** Sends a question on a connected socket, and listens for answers. */
export function beginExchange<Answer>(
  socket: Socket,
  { packet, resendEvery, read, onAnswer, onError }: ExchangeOptions<Answer>,
): UdpExchange {
  let unanswered = 0
  let nonsense = 0
  let onSettled = () => {}

  function send(): void {
    unanswered++
    socket.send(packet, (error) => {
      if (error) failed(error)
    })
  }

  function failed(error: Error): void {
    countOff()
    onError(error)
  }

  /** One datagram less may still be answered. */
  function countOff(): void {
    unanswered--
    if (unanswered === 0) onSettled()
  }

  socket.on('error', failed)
  socket.on('message', (datagram) => {
    const answer = read(datagram)
    if (answer === undefined) {
      nonsense++
      return
    }
    countOff()
    onAnswer(answer)
  })
  send()
  const resender = resendEvery === undefined ? undefined : setInterval(send, resendEvery)

  return {
    get nonsense() {
      return nonsense
    },
    get isSettled() {
      return unanswered === 0
    },
    end() {
      clearInterval(resender)
      return new Promise((resolve) => {
        onSettled = resolve
      })
    },
  }
}
