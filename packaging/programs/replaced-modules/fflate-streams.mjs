// What is used of fflate, so that the bundles hold nothing else of it. Its build for browsers loads no
// worker_threads.
export { Gunzip, Inflate, Unzlib } from 'fflate/browser'
