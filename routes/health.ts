/** `GET /health/live` and `GET /health/ready`. */
export { health as default } from '../plugins/health.js'
