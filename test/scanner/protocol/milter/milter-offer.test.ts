import fc from 'fast-check'
import t from 'tap'
import {
  action,
  agree,
  encodeNegotiation,
  everyCapability,
  macroStage,
  type NegotiationRequest,
  step,
} from '../../../../src/scanner/protocol/milter/milter-offer.ts'

const wish: NegotiationRequest = {
  neededActions: action.addFields | action.changeFields,
  wantedActions: action.addRecipients,
  wantedSteps: step.leadingSpace | step.skipHelo,
  macros: [
    [macroStage.mail, ['i', '{auth_authen}']],
    [macroStage.endOfMessage, ['i']],
  ],
}

const bits = fc.integer({ min: 0, max: 0xffffffff })

// promise: rule-1-interface
t.test('no bit is agreed that was not offered or not wanted', async (t) => {
  fc.assert(
    fc.property(fc.integer({ min: 2, max: 99 }), bits, bits, (version, actions, steps) => {
      const offer = { version, actions: (actions | 0x11) >>> 0, steps }
      const agreed = agree(offer, wish)
      t.equal(agreed.version, Math.min(6, version))
      t.equal(agreed.actions & ~offer.actions, 0)
      t.equal(agreed.actions & ~0x115, 0)
      t.equal(agreed.steps & ~offer.steps, 0)
      t.equal(agreed.steps & ~wish.wantedSteps, 0)
    }),
  )
})

t.test('an MTA may have the actions of version 6, and none of its steps', async (t) => {
  const request = { ...wish, wantedActions: action.quarantine }
  for (const [actions, steps, lacksSteps] of [
    [0xff, 0x42, true],
    [0xff, 0x7f, true],
    [0xff, 0x70000000, true],
    [0xff, step.noReplyToRecipient, false],
    [0xff, step.leadingSpace, false],
    [0x1ff, 0x1fffff, false],
    [0x1ff, 0x7f, false], // Postfix with milter_protocol=2
    [0x3f, 0, false],
  ] as const) {
    const agreed = agree({ version: 6, actions, steps }, request)
    t.equal(agreed.lacksSteps, lacksSteps, `${actions} ${steps}`)
    t.equal(agreed.actions & action.quarantine, lacksSteps ? 0 : action.quarantine)
  }
})

t.test('a test client offers all edits and steps of version 6', async (t) => {
  t.same(everyCapability, { version: 6, actions: 0x1ff, steps: 0x1fffff })
})

t.test('sizes of data are never agreed', async (t) => {
  const offer = { version: 6, actions: 0x11, steps: 0xffffffff }
  t.equal(agree(offer, { ...wish, wantedSteps: 0xffffffff | 0 }).steps >>> 28, 8)
})

// promise: rule-1-interface
t.test('the error names what an MTA lacks', async (t) => {
  const offer = { version: 6, actions: 0x10f, steps: 0 }
  t.throws(() => agree(offer, wish), {
    name: 'WireError',
    message: 'the MTA does not offer changeFields',
  })
  t.throws(() => agree({ ...offer, actions: 0x1ff, version: 1 }, wish), /version 1/)
})

t.test('macros are asked for if the MTA offers that', async (t) => {
  const offer = { version: 6, actions: 0x1ff, steps: 0x1fffff }
  const answer = encodeNegotiation(agree(offer, wish), wish.macros).toString('latin1')
  const [length, rest] = [answer.slice(0, 4), answer.slice(4)]
  t.equal(length, "\0\0\0'")
  t.equal(rest, 'O\0\0\0\x06\0\0\x01\x15\0\x10\0\x02\0\0\0\x02i {auth_authen}\0\0\0\0\x05i\0')
  const old = encodeNegotiation(agree({ ...offer, actions: 0xff }, wish), wish.macros).toString(
    'latin1',
  )
  t.equal(old, '\0\0\0\x0dO\0\0\0\x06\0\0\0\x15\0\x10\0\x02')
})
