package main

import (
	"context"

	"k8s.io/kubernetes/cmd/kube-controller-manager/app"
	"k8s.io/kubernetes/cmd/kube-controller-manager/app/options"
)

// controllers are those whose work a gateway sees: slices of the Pods of a Service, the end of a namespace and of what
// belongs to a deleted object, and the service account without which no Pod can be made.
const controllers = "endpointslice-controller,namespace-controller,garbage-collector-controller,serviceaccount-controller"

// runControllers runs kube-controller-manager as its own command would, given these flags. The API server serves already.
func (c *cluster) runControllers(ctx context.Context) error {
	opts, err := options.NewKubeControllerManagerOptions()
	if err != nil {
		return err
	}
	known, disabled, aliases := app.KnownControllers(), app.ControllersDisabledByDefault(), app.ControllerAliases()
	flags := opts.Flags(known, disabled, aliases)
	opts.ParsedFlags = &flags
	err = parse(flags, map[string]string{
		"kubeconfig":     c.path("controllers.kubeconfig"),
		"controllers":    controllers,
		"leader-elect":   "false",
		"secure-port":    "0",
		"profiling":      "false",
		"kube-api-qps":   "200",
		"kube-api-burst": "400",
	})
	if err != nil {
		return err
	}
	// Where it ends, Run ends the broadcaster of events itself; with ctx here it would end too early.
	config, err := opts.Config(context.WithoutCancel(ctx), known, disabled, aliases)
	if err != nil {
		return err
	}
	return app.Run(ctx, config.Complete())
}
