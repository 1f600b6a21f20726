// In the place of iconv-lite, which loads all streams, and then the tables of all character sets: a slot
// starts for each mail, and most mail is ASCII or UTF-8. In a build it is a bundle of its own.
const iconv = () => {
  const loaded = require('iconv-lite')
  return loaded.default ?? loaded // the compiled runtime makes an ES module of it
}

module.exports = {
  get encodings() {
    return iconv().encodings
  },
  encodingExists: (name) => iconv().encodingExists(name),
  getDecoder: (name) => iconv().getDecoder(name),
  encode: (text, name) => iconv().encode(text, name),
  decode: (bytes, name) => iconv().decode(bytes, name),
}
