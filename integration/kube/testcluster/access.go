package testcluster

import (
	"os"

	"github.com/stretchr/testify/require"
	authenticationv1 "k8s.io/api/authentication/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/tools/clientcmd"
	"k8s.io/client-go/tools/clientcmd/api"
)

// ServiceAccount makes a service account and returns the path of a kubeconfig with a token of it, as a Pod would have. It may do
// nothing until it is bound to a role. Its name in audits is system:serviceaccount:NAMESPACE:NAME.
func (c *Cluster) ServiceAccount(namespace, name string) string {
	c.t.Helper()
	return c.writeKubeconfig(c.config.Host, c.config.CAData, c.token(namespace, name))
}

func (c *Cluster) token(namespace, name string) string {
	c.t.Helper()
	accounts := c.client.CoreV1().ServiceAccounts(namespace)
	account := &corev1.ServiceAccount{ObjectMeta: metav1.ObjectMeta{Name: name}}
	if _, err := accounts.Create(c.t.Context(), account, metav1.CreateOptions{}); !apierrors.IsAlreadyExists(err) {
		require.NoError(c.t, err)
	}
	lifetime := int64(24 * 60 * 60)
	request := &authenticationv1.TokenRequest{Spec: authenticationv1.TokenRequestSpec{ExpirationSeconds: &lifetime}}
	answer, err := accounts.CreateToken(c.t.Context(), name, request, metav1.CreateOptions{})
	require.NoError(c.t, err)
	return answer.Status.Token
}

func (c *Cluster) writeKubeconfig(url string, ca []byte, token string) string {
	c.t.Helper()
	file, err := os.CreateTemp(c.dir, "kubeconfig")
	require.NoError(c.t, err)
	require.NoError(c.t, file.Close())
	require.NoError(c.t, clientcmd.WriteToFile(api.Config{
		Clusters:       map[string]*api.Cluster{"cluster": {Server: url, CertificateAuthorityData: ca}},
		AuthInfos:      map[string]*api.AuthInfo{"account": {Token: token}},
		Contexts:       map[string]*api.Context{"account": {Cluster: "cluster", AuthInfo: "account"}},
		CurrentContext: "account",
	}, file.Name()))
	return file.Name()
}
