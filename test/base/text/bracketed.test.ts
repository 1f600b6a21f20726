import t from 'tap'
import { bracketed, unbracketed } from '../../../src/base/text/bracketed.ts'

/** Texts of strangers that mail programs show without links. */

t.test('what was bracketed is found again as it was', async (t) => {
  for (const [text, shown] of [
    ['ann@example.net', 'ann@example[.]net'],
    ['http://x.example/', 'http[:][/]/x[.]example/'],
    ['\\\\host\\x', '[\\]\\host\\x'],
    ['x\u3002example', 'x[\u3002]example'],
    ['The end. Of it', 'The end. Of it'],
    ['www.a.de, 10.0.0.1', 'www[.]a[.]de, 10[.]0.0.1'],
    ['tel:0900, file:x', 'tel[:]0900, file[:]x'],
    ['invoice.zip', 'invoice[.]zip'],
    ['offer.exe and more', 'offer[.]exe and more'],
    ['offer.exe', 'offer.exe'],
    ['12:30, 1.5 GB, 3.11.2026', '12:30, 1.5 GB, 3.11.2026'],
  ] as const) {
    t.equal(bracketed(text), shown)
    t.equal(unbracketed(shown), text)
  }
  t.equal(unbracketed('[list] [1]'), '[list] [1]')
})
