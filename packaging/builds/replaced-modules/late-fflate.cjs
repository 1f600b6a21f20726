// In the place of fflate, which makes tables when it is loaded: a slot starts for each mail, and
// few mails have anything compressed in them that we read.
module.exports = {
  get Gunzip() {
    return require('./fflate-streams.mjs').Gunzip
  },
  get Inflate() {
    return require('./fflate-streams.mjs').Inflate
  },
  get Unzlib() {
    return require('./fflate-streams.mjs').Unzlib
  },
}
