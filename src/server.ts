// The entry of the microservice: `node dist/src/server.js`.
import './service/server.js'
