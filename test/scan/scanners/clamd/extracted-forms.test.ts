import t from 'tap'
import { contentForms, multipartForms } from '../../../../src/mail/mime/shared/forms.ts'
import { ExtractedForms } from '../../../../src/scan/scanners/clamd/extracted-forms.ts'

const forms = { contents: contentForms, multiparts: multipartForms }
const few = { contents: ['file base64'], multiparts: ['mixed'] } as const

t.test('all servers must have been shown to extract a form', async (t) => {
  const extracted = new ExtractedForms(() => 0)
  t.equal(extracted.of(['a']), undefined, 'no server was tried')
  extracted.take({ is: 'extracts', server: 'a', forms })
  t.same(extracted.of(['a']), forms)
  t.equal(extracted.of(['a', 'b']), undefined, 'one of two was')
  extracted.take({ is: 'extracts', server: 'b', forms: few })
  t.same(extracted.of(['a', 'b']), few, 'what both do counts')
  extracted.take({ is: 'extracts', server: 'a' })
  t.equal(extracted.of(['a']), undefined, 'the server was started anew')
})

t.test(
  'nothing is known of a server to which a connection broke, or after 40 seconds',
  async (t) => {
    let now = 0
    const extracted = new ExtractedForms(() => now)
    extracted.take({ is: 'extracts', server: 'a', forms })
    now = 39_999
    t.same(extracted.of(['a']), forms)
    now = 40_000
    t.equal(extracted.of(['a']), undefined)
    extracted.take({ is: 'extracts', server: 'a', forms })
    extracted.forget('a')
    t.equal(extracted.of(['a']), undefined)
  },
)
