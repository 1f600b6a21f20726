/**
 * The evasions whose file is not found, and why. It is known by its digest alone, so that one more or less byte hides it: a
 * body signature finds it in what is carved, or in the mail.
 */
export const byDigestAlone: Readonly<Record<string, string>> = {
  'a text below an empty line, its first line a field to some':
    'a text that the mail has as it stands',
  'the text of an attached message, known by its digest': 'the same',
  'a part of text/plain in a multipart with a boundary in quotes of another': 'the same',
  'a part of text/plain in a multipart with two boundaries': 'the same',
  'quoted-printable behind a line of a part that is no field, without which a digest knows it':
    'two lines compete for its start',
  'a text file below a CR and five lines that are no fields': 'the same',
  'quoted-printable below a CR and five lines that are no fields, in a part': 'the same',
  'quoted-printable below a CR and five lines that are no fields, in a mail': 'the same',
  'a text file below a bare CR, no fields and CRs': 'the same',
  'quoted-printable below a bare CR, no fields and CRs, in a part': 'the same',
  'quoted-printable below a bare CR, no fields and CRs, in a mail': 'the same',
}
