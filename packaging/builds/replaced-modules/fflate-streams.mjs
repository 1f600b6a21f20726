// The part of fflate that is used, so that the bundles contain no other part. The build of fflate for browsers does
// not load worker_threads.
export { Gunzip, Inflate, Unzlib } from 'fflate/browser'
