// Package sparkmotion links the k6/x/sparkmotion module into a k6 binary:
//
//	xk6 build v2.2.0 --with github.com/sparkmotion/xk6-sparkmotion=.
package sparkmotion

import _ "github.com/sparkmotion/xk6-sparkmotion/xk6-sparkmotion" // registers k6/x/sparkmotion
