// The admin listener makes this module from the gateway's own table (src/admin/page.ts).
export { CLOSE_REASONS } from '../src/connection/close-reason.js'
