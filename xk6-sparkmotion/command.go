package sparkmotion

import (
	"go.k6.io/k6/v2/subcommand"

	"github.com/sparkmotion/xk6-sparkmotion/xk6-sparkmotion/internal/cli"
)

func init() { subcommand.RegisterExtension("sparkmotion", cli.Command) }
