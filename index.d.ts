/// <reference path="./xk6-sparkmotion/index.d.ts" />
