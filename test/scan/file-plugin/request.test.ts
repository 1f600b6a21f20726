import fc from 'fast-check'
import t from 'tap'
import {
  encodeRequest,
  type PluginRequest,
  RequestReader,
} from '../../../src/scan/plugin-host/request.ts'

/** Bytes in latin1. */
const address = fc
  .uint8Array({ maxLength: 40 })
  .map((bytes) => Buffer.from(bytes).toString('latin1'))

const request: fc.Arbitrary<PluginRequest> = fc
  .record({ path: fc.string(), file: fc.string(), sender: address, to: fc.array(address) })
  .map(({ path, file, sender, to }) => {
    const codes = { infectedCode: 1, cleanCode: 0 }
    const numbers = { size: 7, timeLeft: 1234.5 }
    const addresses = { sender, recipients: to }
    return { nonce: 'n', file, path, symbol: 'virusscan', ...codes, ...numbers, ...addresses }
  })

t.test('requests are read one by one as they were written, in any split', async (t) => {
  fc.assert(
    fc.property(fc.array(request), fc.array(fc.nat()), (requests, cuts) => {
      const reader = new RequestReader()
      for (const request of requests) {
        const bytes = encodeRequest(request)
        const edges = [0, ...cuts.map((cut) => cut % bytes.length).sort((a, b) => a - b)]
        edges.push(bytes.length)
        const read = edges
          .slice(1)
          .flatMap((end, index) => reader.push(bytes.subarray(edges[index], end)) ?? [])
        t.same(read, [request])
      }
    }),
  )
})

t.test('bytes behind a request are refused until it is answered', async (t) => {
  fc.assert(
    fc.property(request, (request) => {
      const reader = new RequestReader()
      const bytes = Buffer.concat([encodeRequest(request), Buffer.from('{')])
      t.throws(() => reader.push(bytes), /bytes after the request/)
    }),
  )
})
