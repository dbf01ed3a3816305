// The entry of the microservice: `node dist/src/server.js`.
import { serve } from './service/server.js'

serve()
